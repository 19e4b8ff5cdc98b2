// Decides what a surface says of itself in the modern era: who it is, what it can do, how long that is good, and for whom.
import type { CatalogSurface } from '../../core/catalog/catalog.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { META } from '../../core/mcp/inbound.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { capabilitiesOf } from '../federation/capabilities.ts';
import { sees } from '../federation/visible.ts';

/** A surface with one server speaks as that server. */
export function identityOf({ surface, exposure }: Viewer): JsonObject {
  const only = exposure.served.length === 1 ? exposure.served[0]?.discovered : undefined;
  return only?.serverInfo ?? { name: 'chancery', title: `Chancery: ${surface.name}`, version: '0.1.0' };
}

/** `_meta` of a result of ours: "servers SHOULD include `serverInfo` in each result". */
export function metaOf(viewer: Viewer, more: JsonObject = {}): JsonObject {
  return { ...more, [META.serverInfo]: identityOf(viewer) };
}

/**
 * "`public`: may be shared across users" (MCP 2026-07-28, basic/caching). Where everybody is nobody in particular, all see
 * the same; elsewhere a policy decides what each sees.
 */
export function cachingOf(surface: CatalogSurface): {
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
} {
  return { ttlMs: LIMITS.listTtlMs, cacheScope: surface.auth === 'none' ? 'public' : 'private' };
}

/** The union of what the servers can do of which the caller sees anything; of one that is not read yet nobody knows. */
export function capabilitiesFor(viewer: Viewer): JsonObject {
  const seen = viewer.exposure.served.filter((version) => version.discovered === null || sees(viewer, version));
  return capabilitiesOf(seen, MODERN_VERSION);
}

/** Of the surface, then of each server of which the caller sees anything. */
export function instructionsOf(viewer: Viewer): string {
  const { surface, exposure } = viewer;
  const texts = exposure.served.flatMap((version) => {
    const text = version.discovered?.instructions;
    if (text === undefined || !sees(viewer, version)) return [];
    return exposure.served.length === 1 ? [text] : [`# ${version.name}\n${text}`];
  });
  return [...(surface.instructions === undefined ? [] : [surface.instructions]), ...texts].join('\n\n');
}
