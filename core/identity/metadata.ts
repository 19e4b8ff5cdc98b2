// Decides what a client is told about how to authenticate to a surface.
import type { CatalogIssuer, CatalogSurface } from '../catalog/catalog.ts';
import type { JsonObject } from '../json.ts';
import type { IdentityFailure } from './verify.ts';

/** RFC 9728 §3.1: the well-known part goes between the host and the path of the resource. */
export const PROTECTED_RESOURCE_PATH = '/.well-known/oauth-protected-resource';

/** Where a surface's metadata is, e.g. `http://127.0.0.1:10000/.well-known/oauth-protected-resource/mcp/ops`. */
export function metadataUrl(surface: CatalogSurface): string {
  return `${new URL(surface.url).origin}${PROTECTED_RESOURCE_PATH}${surface.path}`;
}

/**
 * The value of WWW-Authenticate on a 401 (RFC 9728 §5.1). "If the request lacks any authentication information […] the
 * resource server SHOULD NOT include an error code" (RFC 6750 §3.1). Why a token was refused is never told.
 */
export function challenge(surface: CatalogSurface, reason: IdentityFailure): string {
  const parameters = `resource_metadata="${metadataUrl(surface)}"`;
  return reason === 'missing' ? `Bearer ${parameters}` : `Bearer error="invalid_token", ${parameters}`;
}

/**
 * RFC 9728 §2. `resource` is the surface's canonical URL, without a trailing slash: clients refuse metadata whose
 * `resource` is not a prefix of what they call.
 */
export function protectedResourceMetadata(
  surface: CatalogSurface,
  issuers: ReadonlyMap<string, CatalogIssuer>,
): JsonObject {
  const servers = [...new Set([...issuers.values()].map(({ issuer }) => issuer))].filter((url) => URL.canParse(url));
  return {
    resource: surface.url,
    authorization_servers: servers,
    bearer_methods_supported: ['header'],
    resource_name: `MCP surface ${surface.name}`,
  };
}
