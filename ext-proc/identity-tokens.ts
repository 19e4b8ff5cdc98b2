// Decides what a server is told of who calls it: a short-lived token that the gateway signs, where the server's document wants one.
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { IdentityKey } from '../core/catalog/catalog.ts';
import type { Exposed } from '../core/catalog/exposure.ts';
import { identityIssuer } from '../core/identity/metadata.ts';
import { claimAt } from '../core/identity/principal.ts';
import type { JsonObject } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';
import type { Principal } from '../core/policy/types.ts';
import type { Caller } from './call.ts';

type Asking = Pick<Caller, 'catalog' | 'surface' | 'principal'>;

export interface IdentityTokens {
  /** None where the server wants none. It is set over whatever the client sent under that name. */
  headers(
    caller: Asking,
    exposed: Pick<Exposed, 'server' | 'name'>,
  ): readonly (readonly [name: string, value: string])[];
}

interface Signed {
  readonly token: string;
  readonly goodUntilMs: number;
}

const NONE: readonly (readonly [string, string])[] = [];

export function createIdentityTokens({ now }: { readonly now: () => number }): IdentityTokens {
  const known = new LRUCache<string, Signed>({ max: LIMITS.identityTokensMax });
  return {
    headers({ catalog, surface, principal }, { server, name }) {
      const wanted = server.identity;
      if (wanted === undefined) return NONE;
      const key = catalog.identityKeys.find(({ active }) => active);
      // Before the first key came nobody can say who calls: the server sees a call without a word, and refuses it.
      if (key === undefined) return [[wanted.header, 'unavailable']];
      const claims = chosen(principal, wanted.claims);
      const { issuer, subject, agent } = principal;
      const identity = JSON.stringify([
        key.kid,
        surface.url,
        server.name,
        name,
        wanted,
        issuer,
        subject,
        agent,
        claims,
      ]);
      const nowMs = now();
      const found = known.get(identity);
      if (found !== undefined && nowMs < found.goodUntilMs) return [[wanted.header, found.token]];
      const issuedAt = Math.floor(nowMs / 1000);
      const token = signed(key, {
        iss: identityIssuer(surface),
        aud: wanted.audience,
        sub: subject,
        idp: issuer,
        ...(agent !== null && { act: { sub: agent } }),
        surface: surface.name,
        tool: name,
        ...(claims !== null && { claims }),
        iat: issuedAt,
        exp: issuedAt + wanted.ttlSeconds,
      });
      // For half of its life: what arrives has the other half left.
      known.set(identity, { token, goodUntilMs: nowMs + (wanted.ttlSeconds * 1000) / 2 });
      return [[wanted.header, token]];
    },
  };
}

/** Only those that the server's document names, and the token has. */
function chosen({ claims }: Principal, names: readonly string[]): JsonObject | null {
  if (names.length === 0) return null;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = claimAt(claims, name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** RFC 7515 §3.1 with EdDSA (RFC 8037). At once, as a call must not wait for its turn to sign. */
function signed(key: IdentityKey, claims: JsonObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'EdDSA', typ: 'chancery-identity+jwt', kid: key.kid })}.${part(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), keyObject(key)).toString('base64url')}`;
}

const objects = new WeakMap<IdentityKey, KeyObject>();
function keyObject(key: IdentityKey): KeyObject {
  const { x, d } = key;
  const found = objects.get(key) ?? createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' });
  objects.set(key, found);
  return found;
}
