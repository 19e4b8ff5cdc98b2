// Decides how what a modern server answers looks to a legacy client.
import type { JsonObject } from '../../core/json.ts';
import { META } from '../../core/mcp/inbound.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { memberString, membersOf, memberText, withMember, withoutMembers } from './json-text.ts';

/** What a server wants of the client before it goes on. Texts are JSON. */
export interface InputRequired {
  /** In the order of the server. */
  readonly requests: readonly InputRequest[];
  readonly requestState: string | null;
}

export interface InputRequest {
  readonly key: string;
  readonly method: string;
  readonly params: string | null;
}

export type ModernOutcome =
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'input_required'; readonly input: InputRequired }
  /** The server says something that the revision does not allow. */
  | { readonly kind: 'broken'; readonly why: string };

const MODERN_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);
const MODERN_META: ReadonlySet<string> = new Set([META.serverInfo]);

/** Codes that a legacy client does not know, as what they mean to it: it did nothing wrong in its own era. */
const CODES: ReadonlyMap<string, number> = new Map([
  // The headers and the version are ours.
  ['-32020', -32603],
  ['-32022', -32603],
  // "Client does not support …" is an invalid request of the legacy SDKs.
  ['-32021', -32600],
]);
const INVALID_PARAMS = '-32602';
const RESOURCE_NOT_FOUND = -32002;

/** `response`: of the server; `idText`: the client's own id. Total. */
export function legacyOutcome(response: string, method: string, idText: string): ModernOutcome {
  const result = memberText(response, 'result');
  if (result === null) {
    const error = legacyError(memberText(response, 'error') ?? '{}', method);
    return { kind: 'answer', text: withMember(withMember(response, 'error', error), 'id', idText) };
  }
  // "absent = complete": a server of an earlier revision.
  const type = memberString(result, 'resultType') ?? 'complete';
  if (type === 'input_required') return inputOf(result);
  if (type !== 'complete') return { kind: 'broken', why: `resultType ${JSON.stringify(type.slice(0, 64))}` };
  let text = withoutMembers(result, MODERN_MEMBERS);
  const meta = memberText(text, '_meta');
  if (meta !== null) {
    const rest = withoutMembers(meta, MODERN_META);
    text = membersOf(rest).size === 0 ? withoutMembers(text, new Set(['_meta'])) : withMember(text, '_meta', rest);
  }
  return { kind: 'answer', text: withMember(withMember(response, 'result', text), 'id', idText) };
}

function inputOf(result: string): ModernOutcome {
  const asked = memberText(result, 'inputRequests');
  const requestState = memberText(result, 'requestState');
  if (asked === null && requestState === null) return { kind: 'broken', why: 'input_required asks nothing' };
  if (requestState !== null && !requestState.startsWith('"'))
    return { kind: 'broken', why: 'requestState is no string' };
  const requests = [...membersOf(asked ?? '{}')].map(([key, { start, end }]) => {
    const request = (asked ?? '').slice(start, end);
    return { key, method: memberString(request, 'method') ?? '', params: memberText(request, 'params') };
  });
  return { kind: 'input_required', input: { requests, requestState } };
}

function legacyError(error: string, method: string): string {
  const code = memberText(error, 'code') ?? '';
  const mapped = CODES.get(code);
  if (mapped !== undefined) return withMember(error, 'code', String(mapped));
  // "Resource not found" has -32602 with the URI in its data in the modern era (SEP-2164), -32002 in this one.
  const uri = memberText(memberText(error, 'data') ?? '{}', 'uri');
  return method === 'resources/read' && code === INVALID_PARAMS && uri !== null
    ? withMember(error, 'code', String(RESOURCE_NOT_FOUND))
    : error;
}

/** What a call ends in that could not be brought to an end: a tool says so in its result, the others with an error. */
export function failureText(method: string, idText: string, sentence: string): string {
  if (method !== 'tools/call')
    return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify({ code: -32603, message: sentence })}}`;
  return resultText(idText, JSON.stringify({ content: [{ type: 'text', text: sentence }], isError: true }));
}

/** Which capability a client must have declared for a request of its server. */
const NEEDS: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

/** Null: the client declared what it takes. `{}`: the method is none that a client answers. Otherwise what it lacks. */
export function missingCapability(method: string, params: string | null, declared: JsonObject): JsonObject | null {
  const name = NEEDS.get(method);
  if (name === undefined) return {};
  const has = declared[name];
  if (typeof has !== 'object' || has === null) return { [name]: {} };
  if (name !== 'elicitation' || params === null || memberString(params, 'mode') !== 'url') return null;
  // "An empty object is equivalent to declaring support for form mode only" (MCP 2025-11-25, elicitation).
  return (has as JsonObject).url === undefined ? { elicitation: { url: {} } } : null;
}
