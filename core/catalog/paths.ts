// Decides which surface a path at the gateway means.
import { surfacePath, surfaceToolsPath } from '../contract.ts';
import type { Catalog, CatalogSurface } from './catalog.ts';

export interface SurfaceAt {
  readonly surface: CatalogSurface;
  /** The read-only view at /v1/surfaces/<surface>/tools, not the MCP endpoint. */
  readonly view: boolean;
}

// Made once for each catalog, and gone with it.
const paths = new WeakMap<Catalog, ReadonlyMap<string, SurfaceAt>>();

/** `path` without query, normalised as Envoy's listener does; null when it is no surface's. */
export function surfaceAt(catalog: Catalog, path: string): SurfaceAt | null {
  let found = paths.get(catalog);
  if (found === undefined) {
    found = new Map(
      [...catalog.surfaces.values()].flatMap((surface): [string, SurfaceAt][] => [
        [surfacePath(surface.name), { surface, view: false }],
        [surfaceToolsPath(surface.name), { surface, view: true }],
      ]),
    );
    paths.set(catalog, found);
  }
  return found.get(path) ?? null;
}
