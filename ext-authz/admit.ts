// Decides which surface a request is for, and whether its body is one that a policy can decide on.
import type { Catalog, CatalogSurface } from '../core/catalog/catalog.ts';
import { type SurfaceAt, surfaceAt } from '../core/catalog/paths.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { CheckRequest } from './check-request.ts';

export type Header = readonly [name: string, value: string];

export type Admission =
  | { readonly ok: true; readonly surface: CatalogSurface; readonly want: 'message' | 'bodiless' | 'headers' }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      /** Name of the surface, where there is one. */
      readonly surface?: string;
      readonly detail?: string;
      /** For the log only. */
      readonly reason?: string;
      readonly headers?: readonly Header[];
    };

type Want = 'message' | 'bodiless';
const WANTS: Readonly<Record<string, Want>> = { POST: 'message', GET: 'bodiless', DELETE: 'bodiless' };

/** Total. What MCP demands of the other headers is asked by ext-proc or the server behind; it decides nothing here. */
export function admit(request: CheckRequest, catalog: Catalog, bodyBytesMax: number): Admission {
  const at = named(request, catalog);
  if (at === null) return { ok: false, code: 'unknown_surface' };
  const { surface, view } = at;
  const want = Object.hasOwn(WANTS, request.method) ? WANTS[request.method] : undefined;
  if (want === undefined || (view && request.method !== 'GET')) {
    const allow = view ? 'GET' : 'GET, POST, DELETE';
    return { ok: false, code: 'method_not_allowed', surface: surface.name, headers: [['allow', allow]] };
  }
  if (request.bodyless && want === 'message') return { ok: true, surface, want: 'headers' };
  const problem = bodyProblem(request, want, bodyBytesMax);
  return problem === null ? { ok: true, surface, want } : { ok: false, surface: surface.name, ...problem };
}

/** A route that names its surface is one of MCP alone: what is on other paths there, nobody decided. */
function named({ surface: name, path }: CheckRequest, catalog: Catalog): SurfaceAt | null {
  if (name === null) return surfaceAt(catalog, path);
  const surface = catalog.surfaces.get(name);
  return surface === undefined ? null : { surface, view: false };
}

/** A policy decides on the bytes that are forwarded: all of them, and as they are. */
function bodyProblem(
  { body, bodyAsText, bodyCut, headers }: CheckRequest,
  want: Want,
  bodyBytesMax: number,
): { code: ErrorCode; reason?: string; detail?: string } | null {
  if (bodyAsText)
    return { code: 'decision_unavailable', reason: 'the filter sends the body as text, wanted pack_as_bytes' };
  if (bodyCut) return { code: 'body_too_large', reason: 'Envoy cut the body' };
  if (body.length > bodyBytesMax) return { code: 'body_too_large', reason: `found ${body.length} bytes` };
  const encoding = headers.get('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return { code: 'unsupported_encoding' };
  const announced = headers.get('content-length');
  if (announced !== undefined && Number(announced) !== body.length) {
    return {
      code: 'decision_unavailable',
      reason: `the filter sent ${body.length} bytes of a body that has more or less`,
    };
  }
  if (want === 'bodiless' && body.length > 0) return { code: 'invalid_request', detail: 'this method takes no body' };
  return null;
}
