// Decides which MCP methods the gateway knows, and what becomes of each.

/** What ext-proc does with a message; one function for each in ext-proc/federation. */
export type Act =
  /** Opens a session on every backend and answers with one sealed token. */
  | 'initialize'
  /** Answered here. */
  | 'ping'
  /** Answered from the catalog, filtered by policy. */
  | 'list'
  /** Goes to the one backend that owns its target. */
  | 'relay'
  /** A notification with nothing left to do: answered 202. */
  | 'accept'
  /** A notification for whichever backend it concerns: sent to all of the session's. */
  | 'fanout';

export interface MethodRow {
  readonly kind: 'request' | 'notification';
  readonly act: Act;
  /** For `relay`: which member of `params` names the target. For `list`: what is listed. */
  readonly target?: {
    readonly kind: 'tool' | 'prompt' | 'resource';
    readonly param: 'name' | 'uri';
    readonly unknown: 'unknown_tool' | 'unknown_prompt' | 'unknown_resource';
  };
  readonly list?: ListKind;
}

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

const tool = { kind: 'tool', param: 'name', unknown: 'unknown_tool' } as const;
const prompt = { kind: 'prompt', param: 'name', unknown: 'unknown_prompt' } as const;
const resource = { kind: 'resource', param: 'uri', unknown: 'unknown_resource' } as const;

/** Methods that are not here are refused: -32601. (MCP 2025-11-25, schema.ts, ClientRequest and ClientNotification.) */
const METHODS: ReadonlyMap<string, MethodRow> = new Map<string, MethodRow>([
  ['initialize', { kind: 'request', act: 'initialize' }],
  ['ping', { kind: 'request', act: 'ping' }],
  ['tools/list', { kind: 'request', act: 'list', list: 'tools' }],
  ['tools/call', { kind: 'request', act: 'relay', target: tool }],
  ['prompts/list', { kind: 'request', act: 'list', list: 'prompts' }],
  ['prompts/get', { kind: 'request', act: 'relay', target: prompt }],
  ['resources/list', { kind: 'request', act: 'list', list: 'resources' }],
  ['resources/templates/list', { kind: 'request', act: 'list', list: 'resourceTemplates' }],
  ['resources/read', { kind: 'request', act: 'relay', target: resource }],
  ['notifications/initialized', { kind: 'notification', act: 'accept' }],
  ['notifications/progress', { kind: 'notification', act: 'accept' }],
  ['notifications/roots/list_changed', { kind: 'notification', act: 'accept' }],
  ['notifications/cancelled', { kind: 'notification', act: 'fanout' }],
]);

/** The row of a method; null when the gateway does not know it, or knows it only in the other kind. */
export function methodRow(method: string, kind: 'request' | 'notification'): MethodRow | null {
  const row = METHODS.get(method);
  return row !== undefined && row.kind === kind ? row : null;
}

/** What a list is called in its answer, and by which member its items are named. */
export const LISTS: Readonly<
  Record<ListKind, { readonly member: string; readonly key: 'name' | 'uri' | 'uriTemplate' }>
> = {
  tools: { member: 'tools', key: 'name' },
  prompts: { member: 'prompts', key: 'name' },
  resources: { member: 'resources', key: 'uri' },
  resourceTemplates: { member: 'resourceTemplates', key: 'uriTemplate' },
};
