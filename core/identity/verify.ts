// Decides who calls: verifies a bearer token against the issuers and the API keys that the catalog holds.
import { hash } from 'node:crypto';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Catalog, CatalogApiKey, CatalogIssuer, CatalogSurface } from '../catalog/catalog.ts';
import { LIMITS } from '../limits.ts';
import type { Principal } from '../policy/types.ts';
import { API_KEY_PREFIX, apiKeyProblem, principalOf } from './api-key.ts';
import { readBearer } from './bearer.ts';
import { type IssuerKeys, issuerKeysOf } from './issuer-keys.ts';

/** Why a token does not count. For the log; the caller is told no more than `invalid_token`. */
export type IdentityFailure =
  | 'missing'
  | 'malformed'
  | 'too_large'
  | 'unknown_issuer'
  | 'algorithm_not_allowed'
  | 'unknown_key'
  | 'unknown_api_key'
  | 'bad_signature'
  | 'expired'
  | 'no_expiry'
  | 'not_yet_valid'
  | 'wrong_audience'
  | 'no_subject'
  | 'unverifiable';

export type Identity =
  | {
      readonly ok: true;
      readonly principal: Principal;
      /** With which the principal came; absent: with a token of an issuer. */
      readonly apiKey?: CatalogApiKey;
    }
  | { readonly ok: false; readonly reason: IdentityFailure };

export interface IdentityQuestion {
  /** The Authorization header's value as it came; undefined when there was none. */
  readonly authorization: string | undefined;
  /** A token must name exactly its canonical URL (RFC 8707, RFC 9068 §4), an API key the surface itself. */
  readonly surface: Pick<CatalogSurface, 'name' | 'url'>;
  readonly catalog: Pick<Catalog, 'issuers' | 'apiKeys'>;
}

export interface Verifier {
  /** At once for an API key and for a token that was verified before, else a promise. Total: it never throws or rejects. */
  verify(question: IdentityQuestion): Identity | Promise<Identity>;
}

export interface VerifierOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly cacheEntriesMax?: number;
}

interface Verified {
  readonly identity: Identity & { readonly ok: true };
  readonly issuer: string;
  /** The issuer's content when the token was verified: another key or algorithm, and it is verified again. */
  readonly fingerprint: string;
}

/** On a surface with `auth: none`. */
export const ANONYMOUS: Principal = {
  issuer: 'anonymous',
  subject: 'anonymous',
  groups: [],
  scopes: [],
  expiresAtMs: Number.MAX_SAFE_INTEGER,
};

export function createVerifier({ now, cacheEntriesMax = LIMITS.tokenCacheEntriesMax }: VerifierOptions): Verifier {
  // The digest, not the token: no token lies in memory longer than its call.
  const verified = new LRUCache<string, Verified>({ max: cacheEntriesMax });

  const verifyNew = async (token: string, key: string, question: IdentityQuestion): Promise<Identity> => {
    const unverified = claimsOf(token);
    if (unverified === null) return { ok: false, reason: 'malformed' };
    const issuer = typeof unverified.iss === 'string' ? unverified.iss : '';
    const keys = issuerKeysOf(question.catalog.issuers).get(issuer);
    if (keys === undefined) return { ok: false, reason: 'unknown_issuer' };
    const identity = await check(token, keys, question.surface.url, now());
    if (identity.ok) verified.set(key, { identity, issuer, fingerprint: keys.fingerprint });
    return identity;
  };

  return {
    verify(question) {
      const bearer = readBearer(question.authorization);
      if (!bearer.ok) return bearer;
      if (bearer.token.startsWith(API_KEY_PREFIX)) return verifyApiKey(bearer.token, question, now());
      const key = `${hash('sha256', bearer.token, 'base64')} ${question.surface.url}`;
      const found = verified.get(key);
      if (found !== undefined) {
        const keys = issuerKeysOf(question.catalog.issuers).get(found.issuer);
        const expired = found.identity.principal.expiresAtMs + LIMITS.clockSkewMs <= now();
        if (keys?.fingerprint === found.fingerprint && !expired) return found.identity;
        verified.delete(key);
      }
      return verifyNew(bearer.token, key, question);
    },
  };
}

/** The catalog is asked every time, so a key that was revoked is gone with the revision that has it no more. */
function verifyApiKey(token: string, { surface, catalog }: IdentityQuestion, nowMs: number): Identity {
  const apiKey = catalog.apiKeys.get(hash('sha256', token, 'hex'));
  const reason = apiKeyProblem(apiKey, surface.name, nowMs);
  return apiKey === undefined || reason !== null
    ? { ok: false, reason: reason ?? 'unknown_api_key' }
    : { ok: true, principal: principalOf(apiKey), apiKey };
}

async function check(
  token: string,
  { issuer, algorithms, keySet }: IssuerKeys,
  audience: string,
  nowMs: number,
): Promise<Identity> {
  const options = {
    issuer: issuer.issuer,
    audience,
    algorithms: [...algorithms],
    clockTolerance: LIMITS.clockSkewMs / 1000,
    currentDate: new Date(nowMs),
    requiredClaims: ['exp', 'sub'],
  };
  try {
    return identify(issuer, (await jwtVerify(token, keySet, options)).payload);
  } catch (error) {
    // Without a `kid` several keys may fit the algorithm: each is tried.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return { ok: false, reason: failureOf(error) };
    let reason: IdentityFailure = 'bad_signature';
    try {
      for await (const candidate of error) {
        try {
          return identify(issuer, (await jwtVerify(token, candidate, options)).payload);
        } catch (inner) {
          if (!(inner instanceof errors.JWSSignatureVerificationFailed)) reason = failureOf(inner);
        }
      }
    } catch {
      reason = 'unverifiable';
    }
    return { ok: false, reason };
  }
}

function claimsOf(token: string): JWTPayload | null {
  try {
    return decodeJwt(token);
  } catch {
    return null;
  }
}

function identify(issuer: CatalogIssuer, claims: JWTPayload): Identity {
  if (typeof claims.sub !== 'string' || claims.sub === '') return { ok: false, reason: 'no_subject' };
  if (claims.exp === undefined || !Number.isFinite(claims.exp)) return { ok: false, reason: 'no_expiry' };
  const { groups, scope } = claims;
  return {
    ok: true,
    principal: Object.freeze({
      issuer: issuer.issuer,
      subject: claims.sub,
      groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
      scopes: typeof scope === 'string' ? scope.split(' ').filter((part) => part !== '') : [],
      expiresAtMs: claims.exp * 1000,
    }),
  };
}

/** Which claim failed (jose says so by name), where it is one that has a reason of its own. */
const CLAIM_FAILURES: Readonly<Record<string, IdentityFailure>> = {
  aud: 'wrong_audience',
  exp: 'no_expiry',
  nbf: 'not_yet_valid',
  sub: 'no_subject',
};

const ERROR_FAILURES: Readonly<Record<string, IdentityFailure>> = {
  [errors.JWTExpired.code]: 'expired',
  [errors.JWSSignatureVerificationFailed.code]: 'bad_signature',
  [errors.JWKSNoMatchingKey.code]: 'unknown_key',
  [errors.JOSEAlgNotAllowed.code]: 'algorithm_not_allowed',
  [errors.JWSInvalid.code]: 'malformed',
  [errors.JWTInvalid.code]: 'malformed',
};

function failureOf(error: unknown): IdentityFailure {
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_FAILURES[error.claim] ?? 'unverifiable';
  if (error instanceof errors.JOSEError) return ERROR_FAILURES[error.code] ?? 'unverifiable';
  return 'unverifiable';
}
