// Decides what browsers are told about pages that call a surface (Fetch standard, CORS protocol).
//
// Not Envoy's own filter: it passes over routes that answer by themselves, and a surface's does. Envoy's `origin` filter has
// refused every origin that is not allowed before anything comes here, so what came is named again.
import type { Catalog, CatalogSurface } from '../core/catalog/catalog.ts';
import { surfaceAt } from '../core/catalog/paths.ts';
import { HEADERS, METADATA } from '../core/contract.ts';
import type { HeaderMap } from '../core/grpc/ext-proc.ts';
import { immediate, type Outcome } from './outcome.ts';

type Header = readonly [name: string, value: string];

/** What an MCP client sets by itself; `Mcp-Param-*` cannot be listed, and `*` does not cover a token. */
const SENT = [
  'authorization',
  'content-type',
  'accept',
  'last-event-id',
  HEADERS.session,
  HEADERS.protocolVersion,
  HEADERS.method,
  HEADERS.name,
].join(', ');
/** What it has to read. */
const EXPOSED = [HEADERS.session, 'www-authenticate', 'deprecation', 'sunset'].join(', ');
const MAX_AGE_SECONDS = '600';

/** The origin of the page that asks, on a surface for pages; '' for none. */
export function pageOrigin({ cors }: Pick<CatalogSurface, 'cors'>, headers: HeaderMap): string {
  return cors === true ? (headers.get('origin') ?? '') : '';
}

/** Of every answer of ours to it. Cookies are none of ours, so no credentials. */
function corsHeaders(origin: string): readonly Header[] {
  if (origin === '') return [];
  return [
    ['access-control-allow-origin', origin],
    ['access-control-expose-headers', EXPOSED],
    ['vary', 'origin'],
  ];
}

/** The answer to a browser that asks before its page may; null: this is none, or the surface is not for pages. */
export function preflight(headers: HeaderMap, catalog: Catalog | null): Outcome | null {
  if (headers.get(':method') !== 'OPTIONS' || catalog === null) return null;
  if (headers.get('access-control-request-method') === undefined) return null;
  const at = surfaceAt(catalog, (headers.get(':path') ?? '').split('?', 1)[0] ?? '');
  const origin = at === null || at.view ? '' : pageOrigin(at.surface, headers);
  if (origin === '') return null;
  return immediate(204, '', 'chancery_preflight', [
    ['access-control-allow-origin', origin],
    ['access-control-allow-methods', 'GET, POST, DELETE'],
    ['access-control-allow-headers', SENT],
    ['access-control-max-age', MAX_AGE_SECONDS],
    ['vary', 'origin'],
  ]);
}

/** The same outcome, for a page of this origin to read. */
export function readable(outcome: Outcome, origin: string): Outcome {
  if (origin === '') return outcome;
  switch (outcome.kind) {
    case 'immediate':
      return {
        ...outcome,
        answer: { ...outcome.answer, headers: [...outcome.answer.headers, ...corsHeaders(origin)] },
      };
    case 'stream':
      return { ...outcome, headers: [...outcome.headers, ...corsHeaders(origin)] };
    case 'relay': {
      const { namespace, values } = outcome.relay.metadata;
      const told = [...values, [METADATA.pageOrigin, origin] as const, [METADATA.pageReads, EXPOSED] as const];
      return { ...outcome, relay: { ...outcome.relay, metadata: { namespace, values: told } } };
    }
    case 'pending':
      return outcome;
  }
}
