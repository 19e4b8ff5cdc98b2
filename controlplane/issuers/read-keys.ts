// Decides where an issuer's keys are, and which of what is there are keys that tokens can be verified with.
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { IssuerDocument } from '../../core/catalog/document.ts';
import { isSafeUrl } from '../../core/catalog/documents/issuer.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { FetchJson } from './fetch-json.ts';

export type KeySource = Pick<IssuerDocument, 'issuer' | 'jwksUri'>;

/** Rejects with a sentence when they cannot be read. */
export async function readKeys({ issuer, jwksUri }: KeySource, fetchJson: FetchJson): Promise<readonly JsonObject[]> {
  const set = await fetchJson(jwksUri ?? (await discover(issuer, fetchJson)));
  const { keys } = set;
  if (!Array.isArray(keys)) throw new Error('its answer is not a JSON Web Key Set (RFC 7517 §5)');
  if (keys.length > LIMITS.issuerKeysMax)
    throw new Error(`its key set has ${keys.length} keys, wanted at most ${LIMITS.issuerKeysMax}`);
  // RFC 7517 §5: "Implementations SHOULD ignore JWKs within a JWK Set that use kty values that are not understood".
  return keys.map(verifyingKey).filter((key) => key !== null);
}

/** RFC 8414 §3.1 and OpenID Connect Discovery §4.1, in the order in which MCP asks (2026-07-28, authorization server discovery). */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/+$/, '');
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  );
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`];
}

async function discover(issuer: string, fetchJson: FetchJson): Promise<string> {
  let first: unknown;
  for (const url of metadataUrls(issuer)) {
    try {
      return keysUrl(issuer, await fetchJson(url));
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

function keysUrl(issuer: string, metadata: JsonObject): string {
  // RFC 8414 §3.3: "MUST be identical to the authorization server's issuer identifier value".
  if (metadata.issuer !== issuer) throw new Error('its metadata are of another issuer');
  const { jwks_uri: url } = metadata;
  if (typeof url !== 'string' || !isSafeUrl(url)) throw new Error('its jwks_uri is not an https URL');
  // Only an issuer on this machine may lead to this machine in the clear.
  if (url.startsWith('http:') && !issuer.startsWith('http:')) throw new Error('its jwks_uri is not an https URL');
  return url;
}

/** RFC 7518 §6: the members of public keys, and RFC 7517 §4: what says how a key is used. Nothing else goes on. */
const MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use', 'key_ops'] as const;

function verifyingKey(key: unknown): JsonObject | null {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return null;
  const given = key as JsonObject;
  if (given.kty === 'oct' || Object.hasOwn(given, 'd')) return null;
  if (given.use !== undefined && given.use !== 'sig') return null;
  const own = Object.fromEntries(
    MEMBERS.flatMap((name) => (Object.hasOwn(given, name) ? [[name, given[name]!] as const] : [])),
  );
  try {
    createPublicKey({ key: own as unknown as JsonWebKey, format: 'jwk' });
    return own;
  } catch {
    return null;
  }
}
