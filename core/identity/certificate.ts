// Decides who calls with a certificate that Envoy verified.
import type { Principal } from '../policy/types.ts';

/** A URI of which the issuer is the part before the path: `spiffe://<trust domain>/…`, or any other with a host. */
const URI = /^([a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9._~:[\]-]+)(\/[!-+\--~]*)?$/;
const LENGTH_MAX = 2048;

/**
 * null: it names nobody. "An X.509 SVID MUST contain exactly one URI SAN" (SPIFFE X509-SVID §2): with two, which come with a
 * comma between them, it is not clear who calls.
 * @param uri of its URI SANs. @param end seconds of the epoch.
 */
export function principalOfCertificate(uri: string, end: string): Principal | null {
  const issuer = uri.length > LENGTH_MAX ? undefined : URI.exec(uri)?.[1];
  if (issuer === undefined || !/^\d{1,15}$/.test(end)) return null;
  return Object.freeze({
    ...{ issuer, subject: uri, groups: [], scopes: [], expiresAtMs: Number(end) * 1000 },
    ...{ claims: {}, tasks: [], agent: null, kind: 'certificate' },
  });
}
