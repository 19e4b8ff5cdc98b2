// Decides how what a legacy server answers looks to a modern client.
import { META } from '../../core/mcp/inbound.ts';
import { memberString, membersOf, memberText, withMember } from './json-text.ts';

export interface AnswerContext {
  /** Of the request that is answered. */
  readonly method: string;
  /** JSON text of the client's own id. */
  readonly idText: string;
  /** JSON text of who the server says it is. */
  readonly serverInfo: string;
  /** Of `resources/read`. */
  readonly uri: string | null;
}

/** "-32002 and -32042 MUST NOT be emitted" (MCP 2026-07-28); the others are as they were. */
const RESOURCE_NOT_FOUND = -32002;
export const URL_ELICITATION_REQUIRED = -32042;
const INVALID_PARAMS = -32602;

/** A response of the server, which has a result or an error; every member of it that we do not know stays. */
export function modernAnswer(response: string, context: AnswerContext): string {
  const result = memberText(response, 'result');
  const mapped =
    result === null
      ? withMember(response, 'error', modernError(memberText(response, 'error') ?? '{}', context))
      : withMember(response, 'result', modernResult(result, context));
  return withMember(mapped, 'id', context.idText);
}

function modernResult(result: string, { method, serverInfo }: AnswerContext): string {
  if (!result.trimStart().startsWith('{')) return `{"resultType":"complete"}`;
  let text = result;
  const meta = memberText(text, '_meta') ?? '{}';
  if (!membersOf(meta).has(META.serverInfo))
    text = withMember(text, '_meta', withMember(meta, META.serverInfo, serverInfo));
  if (method === 'resources/read') {
    // The server said nothing of how long it is good, and it may be another one for each caller.
    const members = membersOf(text);
    if (!members.has('cacheScope')) text = withMember(text, 'cacheScope', '"private"');
    if (!members.has('ttlMs')) text = withMember(text, 'ttlMs', '0');
  }
  return withMember(text, 'resultType', '"complete"');
}

function modernError(error: string, { uri }: AnswerContext): string {
  if (errorCode(error) !== RESOURCE_NOT_FOUND) return error;
  const coded = withMember(error, 'code', String(INVALID_PARAMS));
  return uri === null || membersOf(coded).has('data') ? coded : withMember(coded, 'data', JSON.stringify({ uri }));
}

/** The code of an error object, or 0. */
export function errorCode(error: string): number {
  return Number(memberText(error, 'code') ?? 0);
}

/**
 * What a server wants of the user before the call can be made at all (-32042, MCP 2025-11-25); null: its response is
 * something else. In the modern era these are input requests of mode `url`, and have no ids.
 */
export function urlElicitations(response: string): readonly string[] | null {
  const error = memberText(response, 'error');
  if (error === null || errorCode(error) !== URL_ELICITATION_REQUIRED) return null;
  const list = memberText(memberText(error, 'data') ?? '{}', 'elicitations') ?? '[]';
  return elementsOf(list).map((params) => `{"method":"elicitation/create","params":${modernElicitation(params)}}`);
}

/** "the draft removed elicitationId" (MCP 2026-07-28, elicitation). */
export function modernElicitation(params: string): string {
  const members = membersOf(params);
  const kept = [...members]
    .filter(([name]) => name !== 'elicitationId')
    .map(([, { from, end }]) => params.slice(from, end));
  return members.has('elicitationId') && memberString(params, 'mode') === 'url' ? `{${kept.join(',')}}` : params;
}

/** Of an array of objects, their texts. */
function elementsOf(list: string): readonly string[] {
  const values = JSON.parse(list) as unknown;
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)) : [];
}
