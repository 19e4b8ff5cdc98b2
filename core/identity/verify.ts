// Decides who calls: verifies a bearer token against the issuers and the API keys that the catalog holds.
import { hash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { CatalogApiKey, CatalogIssuer } from '../catalog/catalog.ts';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import type { Principal } from '../policy/types.ts';
import { API_KEY_PREFIX, principalOf } from './api-key.ts';
import { readBearer } from './bearer.ts';
import { type IssuerKeys, issuerKeysOf } from './issuer-keys.ts';
import { principalOfToken } from './principal.ts';
import { isRevoked } from './revocations.ts';
import {
  type Door,
  type IdentityCatalog,
  isTrusted,
  noteOrigin,
  type StandingProblem,
  standingProblem,
} from './standing.ts';

/** Why a token does not count. For the log; the caller is told no more than `invalid_token`. */
export type IdentityFailure =
  | StandingProblem
  | 'missing'
  | 'malformed'
  | 'too_large'
  | 'algorithm_not_allowed'
  | 'bad_signature'
  | 'no_expiry'
  | 'not_yet_valid'
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
  readonly surface: Door;
  readonly catalog: IdentityCatalog;
}

export interface Verifier {
  /** At once for an API key and for a token that was verified before, else a promise. Total: it never throws or rejects. */
  verify(question: IdentityQuestion): Identity | Promise<Identity>;
}

export interface VerifierOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly cacheEntriesMax?: number;
  /** A token of a known issuer names a key that is not among its keys here: it may be a new one. Nothing of it is believed. */
  readonly onUnknownKey?: (issuer: string, kid: string) => void;
}

type Known = Identity & { readonly ok: true };

/** On a surface with `auth: none`. */
export const ANONYMOUS: Principal = {
  issuer: 'anonymous',
  subject: 'anonymous',
  groups: [],
  scopes: [],
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  claims: {},
  tasks: [],
  agent: null,
  kind: 'anonymous',
};

export function createVerifier({
  now,
  cacheEntriesMax = LIMITS.tokenCacheEntriesMax,
  onUnknownKey,
}: VerifierOptions): Verifier {
  // The digest, not the token: no token lies in memory longer than its call.
  const verified = new LRUCache<string, Known>({ max: cacheEntriesMax });

  const verifyNew = async (token: string, key: string, question: IdentityQuestion): Promise<Identity> => {
    const { surface, catalog } = question;
    const unverified = claimsOf(token);
    if (unverified === null) return { ok: false, reason: 'malformed' };
    const issuer = typeof unverified.iss === 'string' ? unverified.iss : '';
    const keys = issuerKeysOf(catalog.issuers).get(issuer);
    if (keys === undefined) return { ok: false, reason: 'unknown_issuer' };
    if (!isTrusted(keys, surface)) return { ok: false, reason: 'issuer_not_trusted' };
    const nowMs = now();
    const identity = await check(token, keys, surface.url, nowMs);
    if (!identity.ok) {
      if (identity.reason === 'unknown_key') onUnknownKey?.(issuer, kidOf(token) ?? '');
      return identity;
    }
    noteOrigin(identity.principal, keys, kidOf(token));
    if (isRevoked(catalog.revocations, identity.principal, nowMs)) return { ok: false, reason: 'revoked' };
    verified.set(key, identity);
    return identity;
  };

  return {
    verify(question) {
      const { surface, catalog } = question;
      const bearer = readBearer(question.authorization);
      if (!bearer.ok) return bearer;
      if (bearer.token.startsWith(API_KEY_PREFIX)) return verifyApiKey(bearer.token, question, now());
      const key = `${hash('sha256', bearer.token, 'base64')} ${surface.url}`;
      const found = verified.get(key);
      if (found !== undefined) {
        if (standingProblem(found.principal, null, surface, catalog, now()) === null) return found;
        verified.delete(key);
      }
      return verifyNew(bearer.token, key, question);
    },
  };
}

/** The catalog is asked every time, so a key that was revoked is gone with the revision that has it no more. */
function verifyApiKey(token: string, { surface, catalog }: IdentityQuestion, nowMs: number): Identity {
  const apiKey = catalog.apiKeys.get(hash('sha256', token, 'hex'));
  if (apiKey === undefined) return { ok: false, reason: 'unknown_api_key' };
  const principal = principalOf(apiKey);
  const reason = standingProblem(principal, apiKey, surface, catalog, nowMs);
  return reason === null ? { ok: true, principal, apiKey } : { ok: false, reason };
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

function kidOf(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token);
    return typeof kid === 'string' ? kid.slice(0, LIMITS.echoedCharsMax) : undefined;
  } catch {
    return undefined;
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
  return { ok: true, principal: principalOfToken(issuer, claims as JsonObject, claims.sub, claims.exp * 1000) };
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
