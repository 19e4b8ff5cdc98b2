// Decides who calls on a surface, or with which challenge the caller is turned away.

import { principalOfCertificate } from '../core/identity/certificate.ts';
import { challenge } from '../core/identity/metadata.ts';
import { standingProblem } from '../core/identity/standing.ts';
import { ANONYMOUS, type Identity, type IdentityFailure } from '../core/identity/verify.ts';
import type { Admitted } from './admit.ts';
import type { Gateway } from './gateway.ts';
import type { Refusal } from './outcome.ts';

export type Authenticated = Extract<Identity, { ok: true }> | ({ readonly ok: false } & Refusal);

/** What came with the request by which its sender may be known. */
export interface Credentials {
  readonly authorization: string | undefined;
  /** URI SANs and end of the certificate that Envoy verified; '' for none. */
  readonly certificateUri: string;
  readonly certificateEnd: string;
}

/** At once for an API key, a certificate, and a token that was seen before; total. */
export function authenticate(
  gateway: Gateway,
  admitted: Admitted,
  credentials: Credentials,
): Authenticated | Promise<Authenticated> {
  const { surface, catalog } = admitted;
  const { authorization } = credentials;
  if (surface.auth === 'none') return { ok: true, principal: ANONYMOUS };
  const read = (identity: Identity): Authenticated => {
    if (identity.ok) {
      if (identity.apiKey !== undefined) gateway.keyUsed(identity.apiKey.id);
      return identity;
    }
    return refused(gateway, admitted, identity.reason);
  };
  // On a surface for both, whoever brings a token means it, and a bad one is not made good by a certificate.
  if (surface.auth === 'certificate' || (surface.auth === 'either' && authorization === undefined))
    return read(ofCertificate(gateway, admitted, credentials));
  const identity = gateway.verifier.verify({ authorization, surface, catalog });
  return identity instanceof Promise ? identity.then(read) : read(identity);
}

function ofCertificate(
  gateway: Gateway,
  { surface, catalog }: Admitted,
  { certificateUri, certificateEnd }: Credentials,
): Identity {
  // Envoy writes a hyphen for what there is not.
  if (certificateUri === '' || certificateUri === '-') return { ok: false, reason: 'missing' };
  const principal = principalOfCertificate(certificateUri, certificateEnd);
  if (principal === null) return { ok: false, reason: 'no_subject' };
  const reason = standingProblem(principal, null, surface, catalog, gateway.now());
  return reason === null ? { ok: true, principal } : { ok: false, reason };
}

function refused(gateway: Gateway, { surface, catalog }: Admitted, reason: IdentityFailure): Authenticated {
  gateway.log.info({ surface: surface.name, reason }, 'a request without a valid bearer token was refused');
  // Where no token is taken, a client need not look for one.
  const challenges =
    surface.auth === 'certificate'
      ? {}
      : { headers: [['www-authenticate', challenge(surface, catalog.issuers, reason)] as const] };
  return { ok: false, code: 'unauthenticated', reason, ...challenges };
}
