// Decides which errors Chancery gives a caller: code, HTTP status, JSON-RPC code and public sentence, in one table.

/** One row of the table: what the caller sees. `rpc` is the JSON-RPC 2.0 error code. */
interface ErrorRow {
  readonly http: number;
  readonly rpc: number;
  readonly message: string;
}

/**
 * Every refusal, once. -32700…-32600 are JSON-RPC 2.0 §5.1; -32000…-32019 are left to implementations, where we keep to
 * the numbers that the MCP SDKs already use (-32000 transport refusal, -32001 unknown session); -32020…-32099 are the
 * specification's own (MCP 2026-07-28).
 * An application error of a request that was understood is HTTP 200 (MCP 2025-11-25, transports, "Sending Messages").
 */
export const ERRORS = {
  parse_error: { http: 400, rpc: -32700, message: 'the body is not valid JSON' },
  invalid_request: { http: 400, rpc: -32600, message: 'the body is not a JSON-RPC 2.0 message' },
  duplicate_key: { http: 400, rpc: -32600, message: 'the body repeats an object key' },
  batch_unsupported: { http: 400, rpc: -32600, message: 'this protocol version does not allow batches' },
  method_not_found: { http: 200, rpc: -32601, message: 'method not found' },
  invalid_params: { http: 200, rpc: -32602, message: 'invalid params' },
  unknown_tool: { http: 200, rpc: -32602, message: 'unknown tool' },
  unknown_prompt: { http: 200, rpc: -32602, message: 'unknown prompt' },
  unknown_resource: { http: 200, rpc: -32002, message: 'resource not found' },
  unknown_task: { http: 200, rpc: -32602, message: 'task not found' },
  invalid_envelope: { http: 400, rpc: -32602, message: 'the request does not say what each request must' },
  header_mismatch: { http: 400, rpc: -32020, message: 'the headers and the body disagree' },
  missing_capability: { http: 400, rpc: -32021, message: 'the client does not declare a capability that this needs' },
  unsupported_protocol_version: { http: 400, rpc: -32022, message: 'unsupported protocol version' },
  unknown_method: { http: 404, rpc: -32601, message: 'method not found' },
  resource_not_found: { http: 200, rpc: -32602, message: 'resource not found' },
  invalid_state: { http: 200, rpc: -32602, message: 'the requestState is not one that was given to this caller here' },
  state_gone: {
    http: 200,
    rpc: -32000,
    message: 'the call that this requestState goes on with is not waiting any more, and may have been executed',
  },
  too_many_parked: { http: 503, rpc: -32000, message: 'too many calls are waiting for their clients' },
  wrong_era: { http: 200, rpc: -32000, message: 'the server behind this tool speaks another era of the protocol' },
  body_too_large: { http: 413, rpc: -32600, message: 'the body is larger than the limit' },
  body_timeout: { http: 408, rpc: -32600, message: 'the body did not arrive in time' },
  not_acceptable: {
    http: 406,
    rpc: -32000,
    message: 'the Accept header must list application/json and text/event-stream',
  },
  unsupported_media_type: { http: 415, rpc: -32000, message: 'the Content-Type must be application/json' },
  unsupported_encoding: { http: 415, rpc: -32000, message: 'a Content-Encoding is not accepted' },
  method_not_allowed: { http: 405, rpc: -32000, message: 'the HTTP method is not allowed here' },
  unsupported_version: { http: 400, rpc: -32000, message: 'the MCP-Protocol-Version is not supported' },
  session_required: { http: 400, rpc: -32000, message: 'the Mcp-Session-Id header is required' },
  session_unknown: { http: 404, rpc: -32001, message: 'session not found' },
  unknown_surface: { http: 404, rpc: -32000, message: 'no such surface' },
  unauthenticated: { http: 401, rpc: -32000, message: 'a valid bearer token is required' },
  bad_origin: { http: 403, rpc: -32000, message: 'this Origin or Host is not allowed' },
  stream_taken: { http: 409, rpc: -32000, message: 'this session already has a GET stream' },
  too_many_streams: { http: 503, rpc: -32000, message: 'too many streams are open' },
  backend_unavailable: { http: 503, rpc: -32000, message: 'the server behind this tool cannot be reached' },
  backend_start_failed: { http: 502, rpc: -32000, message: 'the server behind this tool could not be started' },
  backend_start_timeout: { http: 504, rpc: -32000, message: 'the server behind this tool did not start in time' },
  backend_busy: { http: 503, rpc: -32000, message: 'the server behind this tool takes no more for now' },
  backend_lost: { http: 200, rpc: -32000, message: 'the server behind this tool ended before it answered' },
  backend_malformed: { http: 502, rpc: -32000, message: 'the server behind this tool gave an answer that is none' },
  answer_too_large: { http: 200, rpc: -32000, message: 'the answer is longer than what is streamed of one' },
  version_decommissioned: {
    http: 200,
    rpc: -32000,
    message: 'the version of the server that this session uses is gone',
  },
  policy_denied: { http: 200, rpc: -32003, message: 'a policy does not allow this call' },
  insufficient_scope: { http: 403, rpc: -32003, message: 'the token lacks a scope that this call needs' },
  elicitation_required: { http: 200, rpc: -32042, message: 'a person has to approve this call' },
  approval_required: { http: 200, rpc: -32003, message: 'a person has to approve this call' },
  quota_exceeded: { http: 200, rpc: -32003, message: 'too many calls for now' },
  obligation_unsupported: {
    http: 200,
    rpc: -32003,
    message: 'a rule asks of this call what cannot be done where it is decided',
  },
  decision_unavailable: { http: 503, rpc: -32000, message: 'the policy decision could not be made' },
  not_ready: { http: 503, rpc: -32000, message: 'the gateway has no configuration yet' },
  internal: { http: 500, rpc: -32603, message: 'internal error' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** What means the same in the modern era has another code there: HTTP's own 404, and never -32002 (MCP 2026-07-28). */
const MODERN: Partial<Record<ErrorCode, ErrorCode>> = {
  method_not_found: 'unknown_method',
  unknown_resource: 'resource_not_found',
};

export function modernCode(code: ErrorCode): ErrorCode {
  return MODERN[code] ?? code;
}

/** A refusal of a caller's request. `reason` goes to the log only; `detail` is appended to the public sentence. */
export class ChanceryError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly reason: string | undefined;

  constructor(code: ErrorCode, options: { detail?: string; reason?: string; cause?: unknown } = {}) {
    const row = ERRORS[code];
    super(options.detail === undefined ? row.message : `${row.message}: ${options.detail}`, { cause: options.cause });
    this.name = 'ChanceryError';
    this.code = code;
    this.detail = options.detail;
    this.reason = options.reason;
  }

  get http(): number {
    return ERRORS[this.code].http;
  }

  get rpc(): number {
    return ERRORS[this.code].rpc;
  }
}
