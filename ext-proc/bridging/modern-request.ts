// Decides how a legacy client's request looks to a modern server: what its `initialize` said once, in the body and headers of each request.
import { HEADERS } from '../../core/contract.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { encodeHeaderValue } from '../../core/mcp/header-value.ts';
import { META } from '../../core/mcp/inbound.ts';
import { NAMED_BY } from '../../core/mcp/methods.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { memberString, memberText, withMember, withoutMembers } from './json-text.ts';
import { paramHeaders } from './param-headers.ts';

/** What a session said of its client. */
export interface Said {
  readonly clientCapabilities: JsonObject;
  readonly clientInfo: JsonObject;
  /** By `logging/setLevel`; null: it did not say, so it hears everything that the server sends unasked, which is nothing. */
  readonly logLevel: string | null;
}

/** What a retry brings: JSON texts. */
export interface Retry {
  /** Another id than that of the request before: "a fresh JSON-RPC id" (MCP 2026-07-28, multi round-trip requests). */
  readonly idText: string;
  /** Null: the server asked nothing, and only gave a state. */
  readonly inputResponses: string | null;
  /** As the server gave it, byte for byte; null: it gave none. */
  readonly requestState: string | null;
}

export interface ModernRequest {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

const PROTOCOL_KEYS: ReadonlySet<string> = new Set([...Object.values(META)]);
const RETRY_KEYS: ReadonlySet<string> = new Set(['inputResponses', 'requestState']);

/** `inputSchema`: of the tool that is called, as its server listed it. */
export function modernRequest(
  text: string,
  said: Said,
  inputSchema: Json | undefined,
  retry: Retry | null = null,
): ModernRequest {
  const method = memberString(text, 'method') ?? '';
  const given = withoutMembers(memberText(text, 'params') ?? '{}', RETRY_KEYS);
  let meta = withoutMembers(memberText(given, '_meta') ?? '{}', PROTOCOL_KEYS);
  if (said.logLevel !== null) meta = withMember(meta, META.logLevel, JSON.stringify(said.logLevel));
  meta = withMember(meta, META.clientInfo, JSON.stringify(said.clientInfo));
  meta = withMember(meta, META.clientCapabilities, JSON.stringify(said.clientCapabilities));
  meta = withMember(meta, META.protocolVersion, JSON.stringify(MODERN_VERSION));
  let params = withMember(given, '_meta', meta);
  if (retry?.requestState != null) params = withMember(params, 'requestState', retry.requestState);
  if (retry?.inputResponses != null) params = withMember(params, 'inputResponses', retry.inputResponses);
  const whole = withMember(text, 'params', params);
  const named = NAMED_BY.get(method);
  const name = named === undefined ? null : memberString(params, named);
  return {
    text: retry === null ? whole : withMember(whole, 'id', retry.idText),
    headers: {
      [HEADERS.protocolVersion]: MODERN_VERSION,
      [HEADERS.method]: encodeHeaderValue(method),
      ...(name !== null && { [HEADERS.name]: encodeHeaderValue(name) }),
      ...(method === 'tools/call' && paramHeaders(inputSchema, memberText(params, 'arguments'))),
    },
  };
}
