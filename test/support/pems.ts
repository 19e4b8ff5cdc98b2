// Decides which certificates, keys and authorities tests write into documents: real ones, as others are refused.
import { createAuthority } from './certificates.ts';

const authority = await createAuthority();
const own = await authority.certify([]);

export const CERTIFICATE = line(own.cert);
export const PRIVATE_KEY = line(own.key);
/** The key of another certificate. */
export const OTHER_KEY = line((await authority.certify([])).key);
export const CA = line(authority.ca);

function line(pem: Buffer): string {
  return `${pem.toString().trimEnd()}\n`;
}
