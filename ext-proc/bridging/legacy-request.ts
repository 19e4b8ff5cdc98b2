// Decides how a modern client's request looks to a legacy server: without what only the modern era says in each request.
import { META } from '../../core/mcp/inbound.ts';
import { memberText, withMember, withoutMembers } from './json-text.ts';

export interface LegacyRequest {
  readonly text: string;
  /** The client's own progress token as JSON text; null: it wants no progress. */
  readonly progressText: string | null;
}

const PROTOCOL_KEYS: ReadonlySet<string> = new Set([
  META.protocolVersion,
  META.clientCapabilities,
  META.clientInfo,
  META.logLevel,
]);
/** What a retry brings is for us; a legacy server has no such members. */
const RETRY_KEYS: ReadonlySet<string> = new Set(['inputResponses', 'requestState']);

/**
 * `callText`: JSON text of the id that the server gets, and of its progress token. The session is shared by all clients of
 * a principal, whose own ids and tokens are small numbers and collide.
 */
export function legacyRequest(text: string, callText: string): LegacyRequest {
  const params = memberText(text, 'params') ?? '{}';
  const meta = memberText(params, '_meta');
  const progressText = meta === null ? null : memberText(meta, 'progressToken');
  let cut = withoutMembers(params, RETRY_KEYS);
  if (meta !== null) {
    const rest = withoutMembers(meta, PROTOCOL_KEYS);
    cut = withMember(cut, '_meta', progressText === null ? rest : withMember(rest, 'progressToken', callText));
  }
  return { text: withMember(withMember(text, 'id', callText), 'params', cut), progressText };
}
