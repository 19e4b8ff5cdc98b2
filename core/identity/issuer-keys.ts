// Decides which keys and algorithms verify the tokens of an issuer.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { CatalogIssuer } from '../catalog/catalog.ts';
import { TOKEN_ALGORITHMS } from '../catalog/documents/issuer.ts';
import { contentHash } from '../runtime/canonical.ts';
import { API_KEY_ISSUER } from './api-key.ts';

export interface IssuerKeys {
  readonly issuer: CatalogIssuer;
  /** Equal for issuers that differ in their keys only: what was verified with a key that is still there counts. */
  readonly terms: string;
  /** What the issuer declares, of what we take. */
  readonly algorithms: readonly string[];
  readonly keySet: JWTVerifyGetKey;
}

/** Whatever an issuer declares. */
export const ALGORITHMS: ReadonlySet<string> = new Set(TOKEN_ALGORITHMS);

const keysOfObject = new WeakMap<CatalogIssuer, IssuerKeys>();
const keysOfMap = new WeakMap<ReadonlyMap<string, CatalogIssuer>, ReadonlyMap<string, IssuerKeys>>();

/**
 * By the value of `iss`. When two entries claim one `iss`, the first in the catalog's order (by name) has it; nobody has
 * the one under which holders of API keys are known.
 */
export function issuerKeysOf(issuers: ReadonlyMap<string, CatalogIssuer>): ReadonlyMap<string, IssuerKeys> {
  const known = keysOfMap.get(issuers);
  if (known !== undefined) return known;
  const keys = new Map<string, IssuerKeys>();
  for (const issuer of issuers.values()) {
    if (!keys.has(issuer.issuer) && issuer.issuer !== API_KEY_ISSUER) keys.set(issuer.issuer, keysOf(issuer));
  }
  keysOfMap.set(issuers, keys);
  return keys;
}

function keysOf(issuer: CatalogIssuer): IssuerKeys {
  const known = keysOfObject.get(issuer);
  if (known !== undefined) return known;
  const keys = {
    issuer,
    terms: contentHash({ ...issuer, jwks: null }),
    algorithms: issuer.algorithms.filter((algorithm) => ALGORITHMS.has(algorithm)),
    keySet: keySetOf(issuer),
  };
  keysOfObject.set(issuer, keys);
  return keys;
}

/** An issuer whose key set cannot be read has no keys: its tokens are refused, the others' are not. */
function keySetOf(issuer: CatalogIssuer): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(issuer.jwks as unknown as JSONWebKeySet);
  } catch {
    return () => {
      throw new errors.JWKSNoMatchingKey();
    };
  }
}
