// Decides who calls on a surface, or with which challenge the caller is turned away.

import { challenge } from '../core/identity/metadata.ts';
import { ANONYMOUS, type Identity } from '../core/identity/verify.ts';
import type { Admitted } from './admit.ts';
import type { Gateway } from './gateway.ts';
import type { Refusal } from './outcome.ts';

export type Authenticated = Extract<Identity, { ok: true }> | ({ readonly ok: false } & Refusal);

/** At once for an API key and for a token that was seen before; total. */
export function authenticate(
  gateway: Gateway,
  { surface, catalog }: Admitted,
  authorization: string | undefined,
): Authenticated | Promise<Authenticated> {
  if (surface.auth === 'none') return { ok: true, principal: ANONYMOUS };
  const read = (identity: Identity): Authenticated => {
    if (identity.ok) {
      if (identity.apiKey !== undefined) gateway.keyUsed(identity.apiKey.id);
      return identity;
    }
    gateway.log.info(
      { surface: surface.name, reason: identity.reason },
      'a request without a valid bearer token was refused',
    );
    return {
      ok: false,
      code: 'unauthenticated',
      reason: identity.reason,
      headers: [['www-authenticate', challenge(surface, identity.reason)]],
    };
  };
  const identity = gateway.verifier.verify({ authorization, surface, catalog });
  return identity instanceof Promise ? identity.then(read) : read(identity);
}
