// Decides which MCP methods the gateway knows in which era, and what becomes of each.
import type { Era } from './era.ts';

/** What ext-proc does with a message; one function for each in ext-proc/federation. */
export type Act =
  /** Opens a session on every backend and answers with one sealed token. */
  | 'initialize'
  /** Answered here. */
  | 'ping'
  /** Modern: what the surface can do. */
  | 'discover'
  /** Modern: a stream of what changes. */
  | 'listen'
  /** Answered from the catalog, filtered by policy. */
  | 'list'
  /** Goes to the one backend that owns its target. */
  | 'relay'
  /** The same, and it is remembered for the sessions that come after. */
  | 'subscribe'
  /** A notification with nothing left to do: answered 202. */
  | 'accept'
  /** A notification for whichever backend it concerns: sent to all of the session's. */
  | 'fanout'
  /** A notification for the one backend whose request it is about. */
  | 'progress'
  /** A notification for the backends that know the client's roots. */
  | 'roots'
  /** Told to every backend that logs. */
  | 'level'
  /** Goes to the backend that has the task, decided as the tool that the task came from. */
  | 'task'
  /** Asked of every backend that lists tasks: those of the caller. */
  | 'tasks'
  /** A notification about a task of the client's, for the backend that asked for it. */
  | 'taskStatus';

export interface Target {
  readonly kind: 'tool' | 'prompt' | 'resource';
  /** `ref`: an object that says which kind it means, and names it (see target.ts). */
  readonly param: 'name' | 'uri' | 'ref';
  readonly unknown: 'unknown_tool' | 'unknown_prompt' | 'unknown_resource';
}

export interface MethodRow {
  readonly kind: 'request' | 'notification';
  readonly act: Act;
  readonly eras: readonly Era[];
  /** For `relay`: which member of `params` names the target. For `list`: what is listed. */
  readonly target?: Target | 'reference';
  readonly list?: ListKind;
}

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

const tool = { kind: 'tool', param: 'name', unknown: 'unknown_tool' } as const;
const prompt = { kind: 'prompt', param: 'name', unknown: 'unknown_prompt' } as const;
const resource = { kind: 'resource', param: 'uri', unknown: 'unknown_resource' } as const;

const BOTH: readonly Era[] = ['legacy', 'modern'];
const LEGACY: readonly Era[] = ['legacy'];
const MODERN: readonly Era[] = ['modern'];

/** Methods that are not here are refused: -32601. (MCP 2025-11-25, schema.ts, ClientRequest and ClientNotification; 2026-07-28 likewise.) */
const METHODS: ReadonlyMap<string, MethodRow> = new Map<string, MethodRow>([
  ['initialize', { kind: 'request', act: 'initialize', eras: LEGACY }],
  ['ping', { kind: 'request', act: 'ping', eras: LEGACY }],
  ['tools/list', { kind: 'request', act: 'list', eras: BOTH, list: 'tools' }],
  ['tools/call', { kind: 'request', act: 'relay', eras: BOTH, target: tool }],
  ['prompts/list', { kind: 'request', act: 'list', eras: BOTH, list: 'prompts' }],
  ['prompts/get', { kind: 'request', act: 'relay', eras: BOTH, target: prompt }],
  ['resources/list', { kind: 'request', act: 'list', eras: BOTH, list: 'resources' }],
  ['resources/templates/list', { kind: 'request', act: 'list', eras: BOTH, list: 'resourceTemplates' }],
  ['resources/read', { kind: 'request', act: 'relay', eras: BOTH, target: resource }],
  ['resources/subscribe', { kind: 'request', act: 'subscribe', eras: LEGACY, target: resource }],
  ['resources/unsubscribe', { kind: 'request', act: 'subscribe', eras: LEGACY, target: resource }],
  ['completion/complete', { kind: 'request', act: 'relay', eras: BOTH, target: 'reference' }],
  ['logging/setLevel', { kind: 'request', act: 'level', eras: LEGACY }],
  ['tasks/get', { kind: 'request', act: 'task', eras: BOTH }],
  ['tasks/result', { kind: 'request', act: 'task', eras: LEGACY }],
  ['tasks/cancel', { kind: 'request', act: 'task', eras: BOTH }],
  ['tasks/update', { kind: 'request', act: 'task', eras: MODERN }],
  ['tasks/list', { kind: 'request', act: 'tasks', eras: LEGACY }],
  ['server/discover', { kind: 'request', act: 'discover', eras: MODERN }],
  ['subscriptions/listen', { kind: 'request', act: 'listen', eras: MODERN }],
  ['notifications/initialized', { kind: 'notification', act: 'accept', eras: LEGACY }],
  ['notifications/progress', { kind: 'notification', act: 'progress', eras: LEGACY }],
  ['notifications/roots/list_changed', { kind: 'notification', act: 'roots', eras: LEGACY }],
  ['notifications/tasks/status', { kind: 'notification', act: 'taskStatus', eras: LEGACY }],
  ['notifications/cancelled', { kind: 'notification', act: 'fanout', eras: BOTH }],
]);

/** The row of a method; null when the gateway does not know it in this era, or knows it only in the other kind. */
export function methodRow(method: string, kind: 'request' | 'notification', era: Era = 'legacy'): MethodRow | null {
  const row = METHODS.get(method);
  return row !== undefined && row.kind === kind && row.eras.includes(era) ? row : null;
}

/**
 * Which member of `params` the header `Mcp-Name` repeats (MCP 2026-07-28, transports, "Standard Headers"; the extension of
 * tasks, 2026-07-28, "Routing Headers").
 */
export const NAMED_BY: ReadonlyMap<string, 'name' | 'uri' | 'taskId'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** What a list is called in its answer, and by which member its items are named. */
export const LISTS: Readonly<
  Record<ListKind, { readonly member: string; readonly key: 'name' | 'uri' | 'uriTemplate' }>
> = {
  tools: { member: 'tools', key: 'name' },
  prompts: { member: 'prompts', key: 'name' },
  resources: { member: 'resources', key: 'uri' },
  resourceTemplates: { member: 'resourceTemplates', key: 'uriTemplate' },
};
