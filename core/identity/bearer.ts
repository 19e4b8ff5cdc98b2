// Decides which bearer token an Authorization header carries.
import { LIMITS } from '../limits.ts';

export type BearerReading =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly reason: 'missing' | 'malformed' | 'too_large' };

/** RFC 6750 §2.1: `credentials = "Bearer" 1*SP b64token`; the scheme's case does not matter (RFC 9110 §11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * Reads the value of the header as it came. Two headers arrive joined by a comma, which no token contains: refused,
 * since two readers might choose differently. Total.
 */
export function readBearer(authorization: string | undefined): BearerReading {
  if (authorization === undefined || authorization === '') return { ok: false, reason: 'missing' };
  if (authorization.length > LIMITS.bearerBytesMax) return { ok: false, reason: 'too_large' };
  const token = BEARER.exec(authorization)?.[1];
  return token === undefined ? { ok: false, reason: 'malformed' } : { ok: true, token };
}
