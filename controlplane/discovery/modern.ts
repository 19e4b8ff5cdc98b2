// Decides how the control plane asks a server of the modern era, which knows no sessions: each request says it all.

import { HEADERS } from '../../core/contract.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressAnswer } from '../../core/mcp/egress.ts';
import { META } from '../../core/mcp/inbound.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { CLIENT_INFO, type SessionOptions } from './session.ts';

export { MODERN_VERSION };

export interface ModernRequest {
  readonly method: string;
  readonly params?: JsonObject;
  /** `Mcp-Method`, where it shall not be the method. */
  readonly methodHeader?: string;
  readonly nameHeader?: string;
  /** Of the client that asks; absent: none. */
  readonly capabilities?: JsonObject;
  /** Without what makes it a request of the modern era; its headers still say so. */
  readonly bare?: true;
}

/** "Each request MUST include" these (MCP 2026-07-28, basic, `_meta`). */
const metaOf = (capabilities: JsonObject): JsonObject => ({
  [META.protocolVersion]: MODERN_VERSION,
  [META.clientCapabilities]: capabilities,
  [META.clientInfo]: CLIENT_INFO,
});

export function modernHeaders({ method, methodHeader = method, nameHeader }: ModernRequest): Record<string, string> {
  return { [HEADERS.method]: methodHeader, ...(nameHeader === undefined ? {} : { [HEADERS.name]: nameHeader }) };
}

export function modernBody(id: number, { method, params = {}, capabilities = {}, bare }: ModernRequest): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    method,
    params: bare ? params : { ...params, _meta: metaOf(capabilities) },
  });
}

/** Total. Within LIMITS.discoveryProbeDeadlineMs, and what is left of the reading. */
export function askModern(
  { egress, target, nowMs, endMs }: SessionOptions,
  request: ModernRequest,
): Promise<EgressAnswer> {
  return egress.send({
    cluster: target.cluster,
    path: target.path,
    method: 'POST',
    protocolVersion: MODERN_VERSION,
    headers: modernHeaders(request),
    body: modernBody(1, request),
    // All that is asked here changes nothing.
    idempotent: true,
    deadlineMs: Math.max(1, Math.min(LIMITS.discoveryProbeDeadlineMs, endMs - nowMs())),
  });
}
