// Decides which HTTP requests the bridge takes, by their method, path and headers alone.
import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../core/contract.ts';
import type { ErrorCode } from '../core/errors.ts';
import { mediaType } from '../core/mcp/media-type.ts';

/** Path of the MCP endpoint on a bridge's socket. */
export const BRIDGE_PATH = '/mcp';

export interface Refusal {
  readonly code: ErrorCode;
  readonly detail?: string;
}

type Check = (headers: IncomingHttpHeaders) => Refusal | null;

const JSON_TYPE = 'application/json';
const SSE_TYPE = 'text/event-stream';

const accepts =
  (...types: readonly string[]): Check =>
  (headers) => {
    const listed = (headers.accept ?? '').split(',').map(mediaType);
    const missing = types.filter((type) => !listed.includes(type));
    return missing.length === 0 ? null : { code: 'not_acceptable', detail: `it does not list ${missing.join(', ')}` };
  };

const sendsJson: Check = (headers) => {
  if (mediaType(headers['content-type'] ?? '') !== JSON_TYPE) return { code: 'unsupported_media_type' };
  const encoding = headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? null : { code: 'unsupported_encoding' };
};

const namesSession: Check = (headers) => (sessionIdOf(headers) === '' ? { code: 'session_required' } : null);

/** One row per method, its checks in the order in which they refuse. "A client MUST include an Accept header, listing both." */
const METHODS: Readonly<Record<string, readonly Check[]>> = {
  POST: [accepts(JSON_TYPE, SSE_TYPE), sendsJson],
  GET: [accepts(SSE_TYPE), namesSession],
  DELETE: [namesSession],
};

/** Null: go on. Total. */
export function refusalOf(method: string, target: string, headers: IncomingHttpHeaders): Refusal | null {
  if (target.split('?')[0] !== BRIDGE_PATH) return { code: 'unknown_surface' };
  const checks = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (checks === undefined) return { code: 'method_not_allowed' };
  for (const check of checks) {
    const refusal = check(headers);
    if (refusal !== null) return refusal;
  }
  return null;
}

/**
 * Versions that may stand in the header besides the one that the session negotiated: "if the server receives a request
 * with an invalid or unsupported MCP-Protocol-Version, it MUST respond with 400 Bad Request" (MCP 2025-11-25).
 */
const VERSIONS: ReadonlySet<string> = new Set(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']);

/** `negotiated` is '' before there is a session. An absent header is allowed: it means what was negotiated. */
export function versionRefusal(headers: IncomingHttpHeaders, negotiated: string): Refusal | null {
  const version = headers[HEADERS.protocolVersion];
  if (version === undefined || VERSIONS.has(String(version))) return null;
  if (version === negotiated && negotiated !== '') return null;
  return { code: 'unsupported_version' };
}

/** '' when there is none. */
export function sessionIdOf(headers: IncomingHttpHeaders): string {
  const value = headers[HEADERS.session];
  return typeof value === 'string' ? value : '';
}
