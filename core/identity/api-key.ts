// Decides whether an API key is one that counts on a surface now, and whose it is.
import type { CatalogApiKey } from '../catalog/catalog.ts';
import { globMatches } from '../policy/glob.ts';
import type { Principal } from '../policy/types.ts';

/** What every API key of an agent begins with; no JWT does. */
export const API_KEY_PREFIX = 'chk_';
/** `issuer` of a principal who came with an API key. */
export const API_KEY_ISSUER = 'chancery:api-key';

/** Null when it counts. There is no tolerance: its end was set by the clock that revokes it. */
export function apiKeyProblem(
  key: CatalogApiKey | undefined,
  surface: string,
  nowMs: number,
): 'unknown_api_key' | 'expired' | 'wrong_audience' | null {
  if (key === undefined) return 'unknown_api_key';
  if (nowMs >= key.expiresAtMs) return 'expired';
  return key.surfaces.some((pattern) => globMatches(pattern, surface)) ? null : 'wrong_audience';
}

// A key is immutable, and so is who comes with it.
const principals = new WeakMap<CatalogApiKey, Principal>();

export function principalOf(key: CatalogApiKey): Principal {
  let principal = principals.get(key);
  if (principal === undefined) {
    const { subject, groups, scopes, expiresAtMs } = key;
    principal = Object.freeze({
      ...{ issuer: API_KEY_ISSUER, subject, groups, scopes, expiresAtMs },
      ...{ claims: {}, tasks: [], agent: null, kind: 'api_key' },
    });
    principals.set(key, principal);
  }
  return principal;
}
