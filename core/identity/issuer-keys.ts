// Decides which keys and algorithms verify the tokens of an issuer.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { CatalogIssuer } from '../catalog/catalog.ts';
import { contentHash } from '../runtime/canonical.ts';
import { API_KEY_ISSUER } from './api-key.ts';

export interface IssuerKeys {
  readonly issuer: CatalogIssuer;
  /** Equal for issuers of equal content, so that a new revision which did not touch them keeps what was verified. */
  readonly fingerprint: string;
  /** What the issuer declares, of what we take. */
  readonly algorithms: readonly string[];
  readonly keySet: JWTVerifyGetKey;
}

/**
 * Asymmetric algorithms only, whatever an issuer declares: `none` verifies nothing, and with HS* everybody who holds
 * the public key could sign (RFC 8725 §2.1).
 */
export const ALGORITHMS = new Set([
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
]);

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
    fingerprint: contentHash(issuer),
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
