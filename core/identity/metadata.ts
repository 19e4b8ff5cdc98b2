// Decides what a client is told about how to authenticate to a surface.
import type { Catalog, CatalogIssuer, CatalogSurface, IdentityKey } from '../catalog/catalog.ts';
import { LOCAL_ISSUER } from '../catalog/documents/issuer.ts';
import type { JsonObject } from '../json.ts';
import type { IdentityFailure } from './verify.ts';

/** RFC 9728 §3.1: the well-known part goes between the host and the path of the resource. */
export const PROTECTED_RESOURCE_PATH = '/.well-known/oauth-protected-resource';

/** What the gateway calls itself in what it tells servers; its keys are below, at `/jwks.json`. No issuer of tokens. */
export const IDENTITY_PATH = '/.well-known/chancery';
export const IDENTITY_KEYS_PATH = `${IDENTITY_PATH}/jwks.json`;
export function identityIssuer({ url }: Pick<CatalogSurface, 'url'>): string {
  return `${new URL(url).origin}${IDENTITY_PATH}`;
}

/** The public parts (RFC 8037). */
export function identityKeySet(keys: readonly IdentityKey[]): JsonObject {
  return {
    keys: keys.map(({ kid, x }) => ({ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' })),
  };
}

/** Where a surface's metadata is, e.g. `http://127.0.0.1:10000/.well-known/oauth-protected-resource/mcp/ops`. */
export function metadataUrl(surface: CatalogSurface): string {
  return `${new URL(surface.url).origin}${PROTECTED_RESOURCE_PATH}${surface.path}`;
}

/**
 * The value of WWW-Authenticate on a 401 (RFC 9728 §5.1). "If the request lacks any authentication information […] the
 * resource server SHOULD NOT include an error code" (RFC 6750 §3.1). Why a token was refused is never told.
 */
export function challenge(surface: CatalogSurface, issuers: Catalog['issuers'], reason: IdentityFailure): string {
  const error = reason === 'missing' ? [] : ['error="invalid_token"'];
  return bearer([...error, ...scopeParameter(scopesOf(surface, issuers)), ...metadataParameter(surface)]);
}

/**
 * The value of WWW-Authenticate on a 403: "servers SHOULD include the scopes needed for the current operation", all of them
 * in one challenge (MCP 2026-07-28, authorization, "Scope Challenge Handling"); those that the caller has, too, as a client
 * may ask for exactly what it is told.
 */
export function scopeChallenge(
  surface: CatalogSurface,
  granted: readonly string[],
  missing: readonly string[],
): string {
  const scopes = [...new Set([...granted, ...missing])].filter(
    (scope) => SCOPE.test(scope) && scope !== 'offline_access',
  );
  return bearer(['error="insufficient_scope"', ...scopeParameter(scopes), ...metadataParameter(surface)]);
}

/** RFC 6749 §3.3. What a token says of its scopes is its issuer's word, and goes into a header here. */
const SCOPE = /^[!#-[\]-~]{1,256}$/;

function bearer(parameters: readonly string[]): string {
  return `Bearer ${parameters.join(', ')}`;
}

function metadataParameter(surface: CatalogSurface): readonly string[] {
  return [`resource_metadata="${metadataUrl(surface)}"`];
}

function scopeParameter(scopes: readonly string[]): readonly string[] {
  return scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`];
}

/**
 * RFC 9728 §2. `resource` is the surface's canonical URL, without a trailing slash: clients refuse metadata whose
 * `resource` is not a prefix of what they call.
 */
export function protectedResourceMetadata(surface: CatalogSurface, issuers: Catalog['issuers']): JsonObject {
  const trusted = trustedIssuers(surface, issuers);
  const declared = trusted.filter(({ name }) => name !== LOCAL_ISSUER);
  // The local issuer has no endpoint at which a client could ask it, and clients take the first one.
  const told = (declared.length > 0 ? declared : trusted).map(({ issuer }) => issuer);
  const scopes = scopesOf(surface, issuers);
  return {
    resource: surface.url,
    authorization_servers: [...new Set(told)].filter((url) => URL.canParse(url)),
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    resource_name: `MCP surface ${surface.name}`,
  };
}

function trustedIssuers({ issuers: names }: CatalogSurface, issuers: Catalog['issuers']): readonly CatalogIssuer[] {
  return [...issuers.values()].filter(({ name }) => names === undefined || names.includes(name));
}

/** What a client should ask for at first. */
function scopesOf(surface: CatalogSurface, issuers: Catalog['issuers']): readonly string[] {
  return surface.scopes ?? [...new Set(trustedIssuers(surface, issuers).flatMap(({ scopes = [] }) => scopes))];
}
