// Decides which items of a surface a caller sees: those that the policy would let him call.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { ExposedItem } from '../../core/catalog/exposure.ts';
import { decideFor, type Viewer } from '../../core/catalog/govern.ts';
import type { ListKind } from '../../core/mcp/methods.ts';

/** What a policy is asked for an item of each list. A template stands for the URIs that it makes. */
const TARGETS = { tools: 'tool', prompts: 'prompt', resources: 'resource', resourceTemplates: 'resource' } as const;

/** In the order of the surface's members and of each server's own list. */
export function visible(viewer: Viewer, kind: ListKind): readonly ExposedItem[] {
  return viewer.exposure.lists[kind].filter((item) => isVisible(viewer, kind, item));
}

/** Whether the caller sees anything of a server version: who does not is not told that it exists. */
export function sees(viewer: Viewer, version: ServerVersion): boolean {
  return (Object.keys(TARGETS) as ListKind[]).some((kind) =>
    viewer.exposure.lists[kind].some((item) => item.version === version && isVisible(viewer, kind, item)),
  );
}

function isVisible(viewer: Viewer, kind: ListKind, { server, name }: ExposedItem): boolean {
  return decideFor(viewer, { kind: TARGETS[kind], server: server.name, name }).allowed;
}
