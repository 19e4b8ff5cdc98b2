// Decides what a server lists: every page, within bounds, and only items that can be told apart.
import type { Listed } from '../../core/catalog/catalog.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Session } from './session.ts';

/** One row per list: who announces it, how it is asked, what names an item. */
export const LISTS = {
  tools: { capability: 'tools', method: 'tools/list', key: 'name' },
  prompts: { capability: 'prompts', method: 'prompts/list', key: 'name' },
  resources: { capability: 'resources', method: 'resources/list', key: 'uri' },
  resourceTemplates: { capability: 'resources', method: 'resources/templates/list', key: 'uriTemplate' },
} as const;
export type ListName = keyof typeof LISTS;
export const LIST_NAMES = Object.keys(LISTS) as readonly ListName[];

export type ListReading = { readonly items: readonly Listed[]; readonly bytes: number } | { readonly error: string };

/** Pages through one list. `bytesMax` bounds what is kept. Total. */
export async function readList(session: Session, name: ListName, bytesMax: number): Promise<ListReading> {
  const { capability, method, key } = LISTS[name];
  // "Servers that support tools MUST declare the `tools` capability" (MCP 2025-11-25, server/tools).
  const { capabilities } = session.initialized;
  if (!isObject(capabilities) || !isObject(capabilities[capability])) return { items: [], bytes: 0 };
  const items = new Map<string, Listed>();
  const cursors = new Set<string>();
  let bytes = 0;
  let params: JsonObject = {};
  for (;;) {
    const answer = await session.request(method, params);
    if (!answer.ok)
      return answer.unknownMethod && cursors.size === 0 ? { items: [], bytes: 0 } : { error: answer.error };
    const { [name]: page, nextCursor } = answer.result;
    if (!Array.isArray(page)) return { error: `${method}: the result has no list "${name}"` };
    for (const item of page as readonly unknown[]) {
      const named = isObject(item) ? item[key] : undefined;
      // Without a name it cannot be called; with a name that was there it could be mistaken for the first.
      if (!isObject(item) || typeof named !== 'string' || named === '' || items.has(named)) continue;
      items.set(named, item);
      bytes += Buffer.byteLength(JSON.stringify(item));
    }
    if (items.size > LIMITS.discoveredItemsMax)
      return { error: `${method}: more than ${LIMITS.discoveredItemsMax} items` };
    if (bytes > bytesMax) return { error: `the lists have more than ${LIMITS.backendAnswerBytesMax} bytes` };
    if (nextCursor === undefined || nextCursor === null) return { items: [...items.values()], bytes };
    if (typeof nextCursor !== 'string') return { error: `${method}: nextCursor is not a string` };
    if (cursors.has(nextCursor))
      return { error: `${method}: the cursor ${JSON.stringify(nextCursor.slice(0, 64))} comes again` };
    if (cursors.size >= LIMITS.discoveredItemsMax)
      return { error: `${method}: more than ${LIMITS.discoveredItemsMax} pages` };
    cursors.add(nextCursor);
    params = { cursor: nextCursor };
  }
}
