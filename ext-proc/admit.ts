// Decides whether a request's headers are ones that MCP over streamable HTTP allows, and which surface it is for.
import type { Catalog, CatalogSurface } from '../core/catalog/catalog.ts';
import { surfaceAt } from '../core/catalog/paths.ts';
import { HEADERS } from '../core/contract.ts';
import type { HeaderMap } from '../core/grpc/ext-proc.ts';
import { eraOf } from '../core/mcp/era.ts';
import type { StandardHeaders } from '../core/mcp/inbound.ts';
import { PARAM_PREFIX } from '../core/mcp/param-headers.ts';
import { isLegacyVersion } from '../core/mcp/versions.ts';
import type { Refusal } from './outcome.ts';

export interface Admitted {
  readonly ok: true;
  readonly catalog: Catalog;
  readonly surface: CatalogSurface;
  /** `tools` is the read-only view at /v1/surfaces/<surface>/tools. */
  readonly want: 'post' | 'stream' | 'end' | 'tools';
  /** '' when there is none. */
  readonly sessionToken: string;
  readonly protocolVersion: string;
  /** Of a GET that goes on with a broken stream; '' for none. */
  readonly lastEventId: string;
  /** Of a POST: by them and its body its era is decided. */
  readonly standard: StandardHeaders;
  /** `Mcp-Param-*`, lower case, as they came. */
  readonly paramHeaders: ReadonlyMap<string, string>;
  /** All that Envoy tells of the request. */
  readonly headers: HeaderMap;
}

export type Admission = Admitted | ({ readonly ok: false } & Refusal);

const WANTS: Readonly<Record<string, Admitted['want']>> = { POST: 'post', GET: 'stream', DELETE: 'end' };

/** Total. Nothing here needs to know who calls. */
export function admit(headers: HeaderMap, catalog: Catalog | null, bodyBytesMax: number): Admission {
  if (catalog === null) return { ok: false, code: 'not_ready' };
  const method = headers.get(':method') ?? '';
  const path = (headers.get(':path') ?? '').split('?', 1)[0] ?? '';
  const at = surfaceAt(catalog, path);
  if (at === null) return { ok: false, code: 'unknown_surface' };
  const { surface } = at;
  const admitted = (want: Admitted['want']): Admitted => ({
    ok: true,
    catalog,
    surface,
    want,
    sessionToken: headers.get(HEADERS.session) ?? '',
    protocolVersion: headers.get(HEADERS.protocolVersion) ?? '',
    lastEventId: headers.get('last-event-id') ?? '',
    standard: {
      protocolVersion: headers.get(HEADERS.protocolVersion),
      method: headers.get(HEADERS.method),
      name: headers.get(HEADERS.name),
    },
    paramHeaders: paramHeaders(headers),
    headers,
  });
  if (at.view) {
    if (method === 'GET') return admitted('tools');
    return { ok: false, code: 'method_not_allowed', headers: [['allow', 'GET']] };
  }
  const want = Object.hasOwn(WANTS, method) ? WANTS[method] : undefined;
  if (want === undefined) return { ok: false, code: 'method_not_allowed', headers: [['allow', 'GET, POST, DELETE']] };
  const version = headers.get(HEADERS.protocolVersion);
  // "If the server receives a request with an invalid or unsupported MCP-Protocol-Version, it MUST respond with 400 Bad Request."
  if (want !== 'post' && version !== undefined && eraOf(version) === 'modern')
    // "Servers MUST respond with 405 Method Not Allowed" to anything but a POST (MCP 2026-07-28, transports).
    return { ok: false, code: 'method_not_allowed', headers: [['allow', 'POST']] };
  if (want !== 'post' && version !== undefined && !isLegacyVersion(version))
    return { ok: false, code: 'unsupported_version', detail: printable(version) };
  const accept = headers.get('accept') ?? '';
  if (want === 'stream' && !accepts(accept, 'text/event-stream')) {
    return { ok: false, code: 'not_acceptable', detail: 'a GET must accept text/event-stream' };
  }
  if (want === 'post') {
    if (!accepts(accept, 'application/json') || !accepts(accept, 'text/event-stream'))
      return { ok: false, code: 'not_acceptable' };
    const contentType = headers.get('content-type') ?? '';
    if (mediaType(contentType) !== 'application/json') return { ok: false, code: 'unsupported_media_type' };
    if (!inUtf8(contentType)) return { ok: false, code: 'unsupported_media_type', detail: 'in UTF-8' };
    const encoding = headers.get('content-encoding');
    // A policy decides on the bytes that are forwarded, and we read no compressed ones.
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
      return { ok: false, code: 'unsupported_encoding' };
    if (Number(headers.get('content-length') ?? 0) > bodyBytesMax) return { ok: false, code: 'body_too_large' };
  }
  return admitted(want);
}

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

function paramHeaders(headers: HeaderMap): ReadonlyMap<string, string> {
  let found: Map<string, string> | null = null;
  for (const [name, value] of headers) {
    if (!name.startsWith(PARAM_PREFIX)) continue;
    found ??= new Map();
    found.set(name, value);
  }
  return found ?? NO_HEADERS;
}

function mediaType(value: string): string {
  return (value.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** "JSON-RPC messages MUST be UTF-8 encoded." A backend that honours another charset would read another message than we do. */
function inUtf8(contentType: string): boolean {
  const charsets = contentType
    .split(';')
    .slice(1)
    .map((parameter) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/i.exec(parameter)?.[1]);
  return charsets.every((charset) => charset === undefined || charset.toLowerCase() === 'utf-8');
}

/** "The client MUST include an Accept header, listing both application/json and text/event-stream as supported." Wildcards list nothing. */
function accepts(accept: string, type: string): boolean {
  return accept.split(',').some((range) => mediaType(range) === type && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range));
}

function printable(value: string): string {
  return JSON.stringify(value.slice(0, 32));
}
