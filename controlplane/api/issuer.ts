// Decides whom an OpenID Connect issuer vouches for, and with which roles.
import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type RemoteJWKSet,
} from 'jose';
import { z } from 'zod';
import { lineSchema } from '../../core/catalog/documents/fields.ts';
import { ALGORITHMS } from '../../core/identity/issuer-keys.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { ROLES, type Role } from '../registry/types.ts';
import type { Actor } from './actor.ts';
import { ApiError } from './error.ts';
import { fetchBounded } from './fetch-bounded.ts';
import type { ApiSettings } from './route.ts';

export interface IssuerVerifier {
  /** null: the token does not count. @throws ApiError when the issuer cannot be asked for its keys. */
  verify(token: string): Promise<Actor | null>;
}

export interface IssuerOptions {
  readonly settings: Pick<ApiSettings, 'adminIssuer' | 'adminAudience' | 'adminRolesClaim' | 'adminGroupsClaim'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}

/** RFC 9068 §2.1, and what issuers send instead. Others (`logout+jwt`, `dpop+jwt`, …) were signed for something else. */
const TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'at+jwt', 'application/at+jwt'];

/** OpenID Connect Discovery 1.0 §3: what is needed of it. */
const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.string() });
const subjectSchema = lineSchema(256).min(1);

interface Known {
  /** As the issuer spells itself, which is what `iss` must be. */
  readonly issuer: string;
  readonly keys: RemoteJWKSet;
}

export function createIssuer({ settings, now, log }: IssuerOptions): IssuerVerifier {
  const { adminIssuer, adminAudience, adminRolesClaim, adminGroupsClaim } = settings;
  let known: Promise<Known> | null = null;
  let askAgainMs = 0;

  const discover = async (): Promise<Known> => {
    const answer = await fetchBounded(`${adminIssuer}/.well-known/openid-configuration`, {});
    if (answer.status !== 200) throw new Error(`its metadata: HTTP ${answer.status}`);
    const metadata = metadataSchema.parse(await answer.json());
    // §4.3: the issuer must be the one that was asked. A slash at its end is not in the setting.
    if (metadata.issuer.replace(/\/+$/, '') !== adminIssuer)
      throw new Error(`its metadata are of the issuer ${JSON.stringify(metadata.issuer.slice(0, 256))}`);
    const url = new URL(metadata.jwks_uri);
    // Keys that come in the clear are anybody's; the issuer itself may do so on loopback, where the setting allows it.
    if (url.protocol !== 'https:' && url.origin !== new URL(adminIssuer).origin)
      throw new Error('its jwks_uri is not an https URL');
    const keys = createRemoteJWKSet(url, {
      timeoutDuration: LIMITS.adminIssuerDeadlineMs,
      cacheMaxAge: LIMITS.adminIssuerKeysAgeMs,
      [customFetch]: (at, init) => fetchBounded(at, { headers: init.headers, signal: init.signal }),
    });
    return { issuer: metadata.issuer, keys };
  };

  /** Asked once; after a failure not again for a moment, however many tokens come. */
  const ask = (): Promise<Known> => {
    if (known !== null) return known;
    if (now() < askAgainMs) return Promise.reject(new Error('it did not answer a moment ago'));
    known = discover().catch((error: unknown) => {
      known = null;
      askAgainMs = now() + LIMITS.adminIssuerPauseMs;
      throw error;
    });
    return known;
  };

  const unavailable = (error: unknown): ApiError => {
    log.warn({ issuer: adminIssuer, err: error }, 'the issuer of administrators cannot be asked for its keys');
    const headers = { 'retry-after': String(Math.ceil(LIMITS.adminIssuerPauseMs / 1000)) };
    return new ApiError('issuer_unavailable', { headers });
  };

  return {
    async verify(token) {
      // Nobody makes us ask the issuer without a token that at least claims to be its own.
      if (!claims(token, adminIssuer)) return null;
      let found: Known;
      try {
        found = await ask();
      } catch (error) {
        throw unavailable(error);
      }
      try {
        const { payload } = await jwtVerify(token, found.keys, {
          issuer: found.issuer,
          audience: adminAudience,
          algorithms: [...ALGORITHMS],
          clockTolerance: LIMITS.clockSkewMs / 1000,
          currentDate: new Date(now()),
          requiredClaims: ['exp', 'sub'],
        });
        const subject = subjectSchema.safeParse(payload.sub);
        if (!subject.success) return null;
        return {
          who: `${found.issuer} ${subject.data}`,
          roles: rolesIn(payload, adminRolesClaim),
          person: { issuer: found.issuer, subject: subject.data, groups: textsIn(payload, adminGroupsClaim) },
        };
      } catch (error) {
        // A token that is wrong is one of jose's own errors; what else happens, happened to the keys.
        if (isTokenFault(error)) return null;
        throw unavailable(error);
      }
    },
  };
}

/** Whether it is a JWT that was meant as an access token of this issuer; nothing of it is believed yet. */
function claims(token: string, issuer: string): boolean {
  try {
    const { typ } = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    return TYPES.includes(typ?.toLowerCase()) && typeof iss === 'string' && iss.replace(/\/+$/, '') === issuer;
  } catch {
    return false;
  }
}

function isTokenFault(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // jose has one class for both: what could not be fetched has no code of its own.
  return error instanceof errors.JOSEError && error.code !== errors.JOSEError.code;
}

/** Roles that nobody here knows are ignored. */
function rolesIn(payload: JWTPayload, claim: string): readonly Role[] {
  const given = textsIn(payload, claim);
  return ROLES.filter((role) => given.includes(role));
}

/** A list, or a text with spaces. */
function textsIn(payload: JWTPayload, claim: string): readonly string[] {
  const found = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
  if (typeof found === 'string') return found.split(' ').filter((text) => text !== '');
  return Array.isArray(found) ? found.filter((text): text is string => typeof text === 'string') : [];
}
