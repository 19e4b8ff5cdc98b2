// Decides the answers to lists: what a surface exposes to the caller, filtered by the policy that decides calls.
import { hash } from 'node:crypto';
import type { Viewer } from '../../core/catalog/govern.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { LISTS, type ListKind } from '../../core/mcp/methods.ts';
import type { Caller, SessionCall } from '../call.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';
import { viewOfPrincipal } from '../view.ts';
import { noticeFor } from './deprecated.ts';
import { pageOf } from './pages.ts';
import { shown } from './visible.ts';

/** Which notification tells of a change of which lists. */
export const LIST_CHANGED = {
  tools: { method: 'notifications/tools/list_changed', lists: ['tools'] },
  prompts: { method: 'notifications/prompts/list_changed', lists: ['prompts'] },
  resources: { method: 'notifications/resources/list_changed', lists: ['resources', 'resourceTemplates'] },
} as const satisfies Record<string, { method: string; lists: readonly ListKind[] }>;

export function answerList(call: SessionCall, kind: ListKind, itemsMax: number = LIMITS.listPageItemsMax): Outcome {
  const { message } = call;
  const page = pageOf(call, message, kind, shown(call, kind), itemsMax);
  if (page === null) return refuse({ code: 'invalid_params', detail: 'unknown cursor' }, message.idText);
  const { members, headers } = noticeFor(call);
  const next = page.nextCursor === null ? {} : { nextCursor: page.nextCursor };
  const result = `{"${LISTS[kind].member}":[${page.items.map(({ text }) => text()).join(',')}]${membersText({ ...next, ...members })}}`;
  return immediate(200, resultText(message.idText, result), `chancery_list_${kind}`, headers);
}

/** GET /v1/surfaces/<surface>/tools: what this caller may see, for people and scripts. */
export function answerToolsView(caller: Caller): Outcome {
  const { catalog, surface, principal } = caller;
  const viewer: Viewer = { ...caller, exposure: viewOfPrincipal(catalog, surface, principal) };
  const { members, headers } = noticeFor(viewer);
  const name = JSON.stringify(surface.name);
  const body = `{"surface":${name},"tools":[${shown(viewer, 'tools')
    .map(({ text }) => text())
    .join(',')}]${membersText(members)}}\n`;
  return immediate(200, body, 'chancery_tools_view', headers);
}

/** What comes behind other members of an object. */
function membersText(members: JsonObject): string {
  const inside = JSON.stringify(members).slice(1, -1);
  return inside === '' ? '' : `,${inside}`;
}

/** Event ids carry them. */
const DIGEST_CHARS = 12;

/**
 * One hash for each kind of list that a notification can tell of; equal hashes mean that nothing changed for this caller.
 * A server's other version is a change although it lists the same.
 */
export function listDigest(viewer: Viewer): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const { method, lists } of Object.values(LIST_CHANGED)) {
    const items = lists.map((kind) =>
      shown(viewer, kind).map(({ item, text }) => `${item.server.name} ${item.version.version} ${text()}`),
    );
    digests[method] = hash('sha256', items.map((texts) => texts.join()).join('\n'), 'base64').slice(0, DIGEST_CHARS);
  }
  return digests;
}
