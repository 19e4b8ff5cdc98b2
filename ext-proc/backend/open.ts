// Decides how a session is opened on one backend, with what its client said at `initialize`.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressClient } from '../../core/mcp/egress.ts';

export interface OpenRequest {
  readonly version: ServerVersion;
  readonly protocolVersion: string;
  readonly clientInfo: JsonObject;
  /** As `passedCapabilities` gives them. */
  readonly capabilities: JsonObject;
  /** Open it on this replica; absent: where Envoy's balancing takes it. */
  readonly replica?: string;
}

export type OpenedBackend =
  | { readonly ok: true; readonly sessionId: string; readonly protocolVersion: string }
  | { readonly ok: false; readonly why: string };

/** "The protocol uses string-based version identifiers following the format YYYY-MM-DD" (MCP, "Versioning"). */
const VERSION = /^\d{4}-\d{2}-\d{2}$/;
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

/** `initialize`, then `notifications/initialized`. Total. */
export async function openBackend(egress: EgressClient, request: OpenRequest): Promise<OpenedBackend> {
  const { cluster, path } = request.version;
  const { protocolVersion: asked, capabilities, clientInfo } = request;
  const params = { protocolVersion: asked, capabilities, clientInfo };
  const answer = await egress.send({
    cluster,
    path,
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 'initialize', method: 'initialize', params }),
    idempotent: true,
    deadlineMs: LIMITS.fanoutDeadlineMs,
    ...(request.replica === undefined ? {} : { replica: request.replica }),
  });
  if (!answer.ok) return { ok: false, why: `${answer.why}: ${answer.detail}` };
  const result = answer.message?.result;
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    return { ok: false, why: `initialize was answered with ${quoted(answer.message?.error)}` };
  }
  const protocolVersion = (result as JsonObject).protocolVersion;
  // It becomes a header, so it must be one that can.
  if (typeof protocolVersion !== 'string' || !VERSION.test(protocolVersion)) {
    return { ok: false, why: `initialize was answered with the protocol version ${quoted(protocolVersion)}` };
  }
  const told = await egress.send({
    cluster,
    path,
    method: 'POST',
    sessionId: answer.sessionId,
    protocolVersion,
    body: INITIALIZED,
    idempotent: true,
    deadlineMs: LIMITS.fanoutDeadlineMs,
  });
  if (!told.ok) return { ok: false, why: `notifications/initialized: ${told.why}: ${told.detail}` };
  return { ok: true, sessionId: answer.sessionId, protocolVersion };
}

function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').slice(0, LIMITS.echoedCharsMax);
}
