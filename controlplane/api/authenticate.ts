// Decides who calls the REST API: the operator, an administrator's API key, or somebody whom the issuer vouches for.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readBearer } from '../../core/identity/bearer.ts';
import { LIMITS } from '../../core/limits.ts';
import type { ApiKey, Registry } from '../registry/types.ts';
import type { Actor } from './actor.ts';
import { ApiError } from './error.ts';
import type { IssuerVerifier } from './issuer.ts';
import type { ApiServices } from './route.ts';

export interface AuthenticateOptions extends Pick<ApiServices, 'now' | 'log'> {
  readonly operatorToken: string;
  readonly registry: Pick<Registry, 'adminKey' | 'touchKeys'>;
  /** null: no issuer is configured. */
  readonly issuer: IssuerVerifier | null;
}

/** @throws ApiError with the code `unauthenticated`, whatever was wrong with the token. */
export type Authenticate = (headers: Headers) => Promise<Actor>;

const OPERATOR: Actor = { who: 'operator-token', roles: ['admin'] };

/** Every secret has 256 random bits and is compared in constant time: to slow down who guesses would protect nothing. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { operatorToken, registry, issuer, now, log } = options;
  const wanted = digest(operatorToken);

  /** Once in a while: it is a write, and who may only read must not make one with each request. */
  const note = ({ id, lastUsedAtMs }: ApiKey): void => {
    const nowMs = now();
    if (lastUsedAtMs !== null && nowMs - lastUsedAtMs < LIMITS.keyUseIntervalMs) return;
    registry
      .touchKeys(new Map([[id, nowMs]]))
      .catch((error: unknown) => log.warn({ err: error }, 'the last use of an API key was not noted'));
  };

  return async (headers) => {
    const bearer = readBearer(headers.get('authorization') ?? undefined);
    if (!bearer.ok && bearer.reason === 'missing') throw unauthenticated('Bearer realm="chancery"');
    if (bearer.ok) {
      if (timingSafeEqual(digest(bearer.token), wanted)) return OPERATOR;
      const key = registry.adminKey(bearer.token);
      if (key !== null) {
        note(key);
        const person = { issuer: null, subject: key.subject, groups: key.groups };
        return { who: `key:${key.prefix}`, roles: key.roles, person };
      }
      const actor = await issuer?.verify(bearer.token);
      if (actor != null) return actor;
    }
    throw unauthenticated('Bearer realm="chancery", error="invalid_token"');
  };
}

/** RFC 6750 §3: without a token there is no error code. */
function unauthenticated(challenge: string): ApiError {
  const detail =
    'send "Authorization: Bearer TOKEN" with the content of operator.token in the home folder, or an API key of use admin';
  return new ApiError('unauthenticated', { detail, headers: { 'www-authenticate': challenge } });
}

/** Digests have one length, which timingSafeEqual wants. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
