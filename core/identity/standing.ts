// Decides whether a principal that was verified once still counts: asked on every call, and of every open stream when the catalog changes.
import type { Catalog, CatalogApiKey, CatalogSurface } from '../catalog/catalog.ts';
import { LIMITS } from '../limits.ts';
import type { Principal } from '../policy/types.ts';
import { contentHash } from '../runtime/canonical.ts';
import { API_KEY_ISSUER, apiKeyProblem } from './api-key.ts';
import { type IssuerKeys, issuerKeysOf } from './issuer-keys.ts';
import { isRevoked } from './revocations.ts';

export type StandingProblem =
  | 'expired'
  | 'revoked'
  | 'unknown_issuer'
  | 'issuer_not_trusted'
  | 'unknown_key'
  | 'unknown_api_key'
  | 'wrong_audience';

/** What a catalog says of those who call. */
export type IdentityCatalog = Pick<Catalog, 'issuers' | 'apiKeys' | 'revocations'>;

/** The surface as far as it decides who may come. */
export type Door = Pick<CatalogSurface, 'name' | 'url' | 'issuers'>;

/** With what a token was verified. */
interface Origin {
  /** As the token's header has it. */
  readonly kid: string | undefined;
  /** Of the issuer without its keys: another claim or algorithm, and its tokens are verified again. */
  readonly terms: string;
  /** See `signerOf`. */
  readonly signer: string;
}

const origins = new WeakMap<Principal, Origin>();

/** Notes under which terms a token was verified. @param kid as its header has it. */
export function noteOrigin(principal: Principal, keys: IssuerKeys, kid: string | undefined): void {
  origins.set(principal, { kid, terms: keys.terms, signer: signerOf(keys, kid) });
}

/** null: it counts. Total. */
export function standingProblem(
  principal: Principal,
  apiKey: CatalogApiKey | null,
  door: Door,
  catalog: IdentityCatalog,
  nowMs: number,
): StandingProblem | null {
  if (apiKey !== null) {
    const problem = apiKeyProblem(catalog.apiKeys.get(apiKey.sha256), door.name, nowMs);
    if (problem !== null) return problem;
  } else if (principal.kind === 'jwt') {
    const problem = tokenProblem(principal, door, catalog, nowMs);
    if (problem !== null) return problem;
  }
  // Envoy looked at its end when the connection was made, which may be days ago.
  if (principal.kind === 'certificate' && principal.expiresAtMs <= nowMs) return 'expired';
  return isRevoked(catalog.revocations, principal, nowMs) ? 'revoked' : null;
}

/**
 * The same of somebody of whom only the name is left, as of the caller of a call that is repeated: his token is not known any
 * more, so whatever was taken back of him counts, and of API keys he must have one.
 */
export function nameProblem(
  { issuer, subject }: Pick<Principal, 'issuer' | 'subject'>,
  { apiKeys, revocations }: Pick<IdentityCatalog, 'apiKeys' | 'revocations'>,
  nowMs: number,
): StandingProblem | null {
  if (isRevoked(revocations, { issuer, subject, claims: {} }, nowMs)) return 'revoked';
  if (issuer !== API_KEY_ISSUER) return null;
  for (const key of apiKeys.values()) if (key.subject === subject && nowMs < key.expiresAtMs) return null;
  return 'unknown_api_key';
}

function tokenProblem(
  principal: Principal,
  door: Door,
  { issuers }: IdentityCatalog,
  nowMs: number,
): StandingProblem | null {
  if (principal.expiresAtMs + LIMITS.clockSkewMs <= nowMs) return 'expired';
  const keys = issuerKeysOf(issuers).get(principal.issuer);
  if (keys === undefined) return 'unknown_issuer';
  if (!isTrusted(keys, door)) return 'issuer_not_trusted';
  const origin = origins.get(principal);
  // Of one that no token was verified for here there is nothing to compare.
  if (origin === undefined) return null;
  return origin.terms === keys.terms && origin.signer === signerOf(keys, origin.kid) ? null : 'unknown_key';
}

export function isTrusted({ issuer }: IssuerKeys, { issuers }: Door): boolean {
  return issuers === undefined || issuers.includes(issuer.name);
}

/** The key with this `kid`; without one (or with several) all keys together, so that any change of them counts. */
function signerOf({ issuer }: IssuerKeys, kid: string | undefined): string {
  const { keys } = issuer.jwks;
  const named = kid === undefined ? [] : keys.filter((key) => key.kid === kid);
  let signers = hashes.get(issuer);
  if (signers === undefined) {
    signers = new Map();
    hashes.set(issuer, signers);
  }
  const known = signers.get(kid);
  if (known !== undefined) return known;
  const found = contentHash(named.length === 1 ? named[0] : keys);
  // Only of keys that there are: a `kid` is whatever somebody wrote.
  if (named.length === 1 || kid === undefined) signers.set(kid, found);
  return found;
}
const hashes = new WeakMap<object, Map<string | undefined, string>>();
