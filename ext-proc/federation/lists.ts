// Decides what a caller sees of a surface: every list from the catalog, filtered by the policy that decides calls.
import { hash } from 'node:crypto';
import type { Listed } from '../../core/catalog/catalog.ts';
import { type Asker, decideFor } from '../../core/catalog/govern.ts';
import { chosen, isListable, listedName, publicName } from '../../core/catalog/names.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { LISTS, type ListKind } from '../../core/mcp/methods.ts';
import type { Caller, SessionCall } from '../call.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';

/** Which notification tells of a change of which lists. */
export const LIST_CHANGED = {
  tools: { method: 'notifications/tools/list_changed', lists: ['tools'] },
  prompts: { method: 'notifications/prompts/list_changed', lists: ['prompts'] },
  resources: { method: 'notifications/resources/list_changed', lists: ['resources', 'resourceTemplates'] },
} as const satisfies Record<string, { method: string; lists: readonly ListKind[] }>;

/** What a policy is asked for an item of each list. A template stands for the URIs that it makes. */
const TARGETS = { tools: 'tool', prompts: 'prompt', resources: 'resource', resourceTemplates: 'resource' } as const;
const MEMBERS = { tools: 'tools', prompts: 'prompts', resources: 'resources', resourceTemplates: 'resources' } as const;

export function answerList(call: SessionCall, kind: ListKind): Outcome {
  const { message } = call;
  // Everything is on one page, so no cursor is one of ours: "Invalid cursors SHOULD result in an error with code -32602".
  if (message.params?.has('cursor'))
    return refuse({ code: 'invalid_params', detail: 'unknown cursor' }, message.idText);
  const items = visible(call, kind).join(',');
  return immediate(200, resultText(message.idText, `{"${LISTS[kind].member}":[${items}]}`), `chancery_list_${kind}`);
}

/** GET /v1/surfaces/<surface>/tools: what this caller may see, for people and scripts. */
export function answerToolsView(caller: Caller): Outcome {
  const body = `{"surface":${JSON.stringify(caller.surface.name)},"tools":[${visible(caller, 'tools').join(',')}]}\n`;
  return immediate(200, body, 'chancery_tools_view');
}

/** The items as JSON, in the order of the surface's members and of each server's own list. */
function visible(asker: Asker, kind: ListKind): string[] {
  const { catalog, surface } = asker;
  const { key } = LISTS[kind];
  const items: string[] = [];
  const seen = new Set<string>();
  for (const member of surface.members) {
    const server = catalog.servers.get(member.server);
    // A tool that wants a capability of the client's is not listed: none is passed on (see backend/open.ts).
    for (const item of server?.discovered?.[kind].bare ?? []) {
      const name = listedName(item, key);
      if (name === '' || !chosen(member[MEMBERS[kind]], name)) continue;
      const shown = key === 'name' ? publicName(surface, member.server, name) : name;
      if (seen.has(shown) || (key === 'name' && !isListable(shown))) continue;
      if (!decideFor(asker, { kind: TARGETS[kind], server: member.server, name }).allowed) continue;
      seen.add(shown);
      items.push(renamed(item, shown, key));
    }
  }
  return items;
}

/** One hash for each kind of list that a notification can tell of; equal hashes mean that nothing changed for this caller. */
export function listDigest(asker: Asker): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const { method, lists } of Object.values(LIST_CHANGED)) {
    digests[method] = hash('sha256', lists.map((kind) => visible(asker, kind).join()).join('\n'), 'base64');
  }
  return digests;
}

// An item is immutable and has one public name on most surfaces: its JSON is written once and goes with it.
const written = new WeakMap<Listed, { readonly shown: string; readonly json: string }>();
function renamed(item: Listed, shown: string, key: 'name' | 'uri' | 'uriTemplate'): string {
  const known = written.get(item);
  if (known?.shown === shown) return known.json;
  const json = JSON.stringify(key === 'name' ? { ...item, name: shown } : item);
  written.set(item, { shown, json });
  return json;
}
