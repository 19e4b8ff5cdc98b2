// Decides which items of a surface a caller sees: those that the policy would let him call.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { itemVisibility } from '../../core/catalog/decisions.ts';
import type { ExposedItem } from '../../core/catalog/exposure.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import { shownText } from '../../core/catalog/shown-item.ts';
import type { ListKind } from '../../core/mcp/methods.ts';

/** What a policy is asked for an item of each list. A template stands for the URIs that it makes. */
const TARGETS = { tools: 'tool', prompts: 'prompt', resources: 'resource', resourceTemplates: 'resource' } as const;

/** An item as its caller sees it. */
export interface ShownItem {
  readonly publicName: string;
  readonly item: ExposedItem;
  /** JSON, with the limits that the rules hold its arguments to; written when it is asked for. */
  readonly text: () => string;
}

/** In the order of the surface's members and of each server's own list. */
export function shown(viewer: Viewer, kind: ListKind): readonly ShownItem[] {
  return viewer.exposure.lists[kind].flatMap((item) => {
    const visibility = itemVisibility(viewer, TARGETS[kind], item);
    return visibility.shown ? [{ publicName: item.publicName, item, text: () => shownText(item, visibility) }] : [];
  });
}

/** Whether the caller sees anything of a server version: who does not is not told that it exists. */
export function sees(viewer: Viewer, version: ServerVersion): boolean {
  return (Object.keys(TARGETS) as ListKind[]).some((kind) =>
    viewer.exposure.lists[kind].some((item) => item.version === version && isVisible(viewer, kind, item)),
  );
}

function isVisible(viewer: Viewer, kind: ListKind, item: ExposedItem): boolean {
  return itemVisibility(viewer, TARGETS[kind], item).shown;
}
