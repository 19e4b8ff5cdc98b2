// Decides which paths exist at the gateway, which filters each asks, and how a call may be repeated.
import type { Catalog, CatalogSurface } from '../../../core/catalog/catalog.ts';
import {
  APPROVALS_PATH,
  DEFAULT_SURFACE,
  HEADERS,
  METADATA,
  ROUTES,
  surfacePath,
  surfaceToolsPath,
} from '../../../core/contract.ts';
import { ERRORS, type ErrorCode } from '../../../core/errors.ts';
import {
  IDENTITY_KEYS_PATH,
  identityKeySet,
  metadataUrl,
  PROTECTED_RESOURCE_PATH,
  protectedResourceMetadata,
} from '../../../core/identity/metadata.ts';
import { LIMITS } from '../../../core/limits.ts';
import { errorTextFor } from '../../../core/mcp/json-rpc.ts';
import { MODERN_VERSION } from '../../../core/mcp/versions.ts';
import { extAuthzOn } from './ext-authz.ts';
import { extProcOff } from './ext-proc.ts';
import { loopbackHosts } from './own-hosts.ts';
import { FILTERS } from './type-urls.ts';
import { type EnvoyJson, type Place, seconds } from './types.ts';

/** What a client sent for us, or for Envoy, and a backend must not get. The client's token is never forwarded. */
const NOT_FOR_BACKENDS = [
  'authorization',
  'cookie',
  'origin',
  'referer',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'x-envoy-external-address',
  HEADERS.cluster,
];

/**
 * What a backend sent and a client must not get: its session, its internals, its cookies; and every word that would lead
 * the client, with its token, to a place of the backend's choice (a challenge names an authorization server).
 */
const NOT_FOR_CLIENTS = [
  HEADERS.session,
  'set-cookie',
  'x-powered-by',
  'via',
  'www-authenticate',
  'proxy-authenticate',
  'location',
  'alt-svc',
  'strict-transport-security',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
];

/** What one surface adds to the gateway's routes. The parts that did not change are encoded once (see proto/resource-encoder.ts). */
export interface SurfaceRoutes {
  /** What they were made of. */
  readonly key: string;
  readonly mcp: EnvoyJson;
  readonly tools: EnvoyJson;
  /** RFC 9728: at the surface's own path, and for the default surface at the root. */
  readonly metadata: readonly EnvoyJson[];
}

/** `before` itself when nothing of what its routes say is another: its members and names are no matter of routes. */
export function surfaceRoutes(
  surface: CatalogSurface,
  issuers: Catalog['issuers'],
  before: SurfaceRoutes | undefined,
): SurfaceRoutes {
  const documents = surface.auth === 'token' || surface.auth === 'either' ? metadata(surface, issuers) : [];
  const key = JSON.stringify([surface.name, surface.decision, documents]);
  if (before?.key === key) return before;
  return { key, mcp: surfaceRoute(surface), tools: toolsRoute(surface), metadata: documents };
}

export function ingressRoutes(
  surfaces: Iterable<SurfaceRoutes>,
  place: Place,
  identityKeys: Catalog['identityKeys'],
): EnvoyJson {
  const all = [...surfaces];
  return {
    name: ROUTES.ingress,
    virtual_hosts: [
      {
        name: 'gateway',
        domains: [...new Set([new URL(place.publicUrl).host, ...loopbackHosts(place)])],
        include_request_attempt_count: true,
        request_body_buffer_limit: place.bodyBytesMax + LIMITS.sessionTokenBytesMax,
        routes: [
          MODERN_BACKEND_ROUTE,
          BACKEND_ROUTE,
          ...all.map(({ mcp }) => mcp),
          ...all.map(({ tools }) => tools),
          ...all.flatMap(({ metadata }) => metadata),
          ...(identityKeys.length === 0 ? [] : [identityKeysRoute(identityKeys)]),
          APPROVALS_ROUTE,
          UNKNOWN_ROUTE,
        ],
      },
      // A Host that is none of ours: a page that had its own name resolved to this machine (DNS rebinding).
      {
        name: 'other',
        domains: ['*'],
        routes: [{ name: 'other', match: { prefix: '/' }, ...alone(answer('bad_origin')) }],
      },
    ],
  };
}

/**
 * Where ext-proc sends a call, by the header that only it can set. Repeated is only what surely was not executed: a
 * connection that was refused, a stream that was, or a backend that did not know the session. 404 is what MCP demands for
 * that; server-everything and older servers answer 400. Before each repetition the cluster's repair filter runs.
 */
function backendRoute(): EnvoyJson {
  return {
    name: 'backend',
    match: {
      prefix: '/',
      headers: [{ name: HEADERS.cluster, present_match: true }],
      // A second lock: ext-proc leaves this with each call that it lets go on, and no client can.
      dynamic_metadata: [
        { filter: METADATA.namespace, path: [{ key: METADATA.decision }], value: { present_match: true } },
      ],
    },
    request_headers_to_remove: NOT_FOR_BACKENDS,
    response_headers_to_remove: NOT_FOR_CLIENTS,
    // Of a deprecated version; without the metadata Envoy adds nothing (RFC 9745, RFC 8594).
    response_headers_to_add: [
      fromMetadata('deprecation', METADATA.deprecation),
      fromMetadata('sunset', METADATA.sunset),
      // For a page that may read the answer; what the backend itself says of that was removed.
      fromMetadata('access-control-allow-origin', METADATA.pageOrigin),
      fromMetadata('access-control-expose-headers', METADATA.pageReads),
    ],
    route: {
      cluster_header: HEADERS.cluster,
      cluster_not_found_response_code: 'SERVICE_UNAVAILABLE',
      auto_host_rewrite: true,
      timeout: '0s',
      idle_timeout: seconds(LIMITS.streamIdleMs),
      retry_policy: {
        retry_on: 'connect-failure,refused-stream,reset-before-request,retriable-status-codes',
        retriable_status_codes: [404, 400],
        num_retries: 2,
        retry_back_off: { base_interval: '0.025s', max_interval: '0.25s' },
        retry_host_predicate: [
          { name: 'envoy.retry_host_predicates.previous_hosts', typed_config: { '@type': FILTERS.previousHosts } },
        ],
        host_selection_retry_max_attempts: 3,
      },
    },
  };
}

/**
 * The same without repair: there is no session that could be lost, so a 404 (unknown method) and a 400 (what the client
 * did not say or cannot do) are the server's answers. The version is the one that ext-proc sets.
 */
function modernBackendRoute(legacy: EnvoyJson): EnvoyJson {
  const { match, route } = legacy as {
    readonly match: { readonly headers: readonly EnvoyJson[] };
    readonly route: EnvoyJson;
  };
  const { retriable_status_codes: _, ...retries } = route.retry_policy as Readonly<Record<string, EnvoyJson>>;
  const version = { name: HEADERS.protocolVersion, string_match: { exact: MODERN_VERSION } };
  const retry_policy = { ...retries, retry_on: 'connect-failure,refused-stream,reset-before-request' };
  return {
    ...legacy,
    name: 'backend.modern',
    match: { ...match, headers: [...match.headers, version] },
    route: { ...route, retry_policy },
  };
}

function fromMetadata(header: string, key: string): EnvoyJson {
  return added(header, `%DYNAMIC_METADATA(${METADATA.namespace}:${key})%`);
}

function added(header: string, value: string): EnvoyJson {
  return { header: { key: header, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

function surfaceRoute(surface: CatalogSurface): EnvoyJson {
  return {
    name: `surface.${surface.name}`,
    match: { path: surfacePath(surface.name) },
    typed_per_filter_config: surface.decision === 'ext_authz' ? extAuthzOn() : {},
    // ext-proc answers or names a cluster, which takes another route; what comes here was decided by nobody.
    ...answer('decision_unavailable'),
  };
}

function toolsRoute(surface: CatalogSurface): EnvoyJson {
  return {
    name: `tools.${surface.name}`,
    match: { path: surfaceToolsPath(surface.name) },
    typed_per_filter_config: extAuthzOn(),
    ...answer('decision_unavailable'),
  };
}

/** RFC 9728: public, so no filter is asked. "Clients try the URL of the challenge, then the path, then the root." */
function metadata(surface: CatalogSurface, issuers: Catalog['issuers']): readonly EnvoyJson[] {
  const body = JSON.stringify(protectedResourceMetadata(surface, issuers));
  // What everybody may read, a page may.
  const more = surface.cors === true ? [{ header: { key: 'access-control-allow-origin', value: '*' } }] : [];
  const route = (name: string, path: string): EnvoyJson => ({
    name,
    match: { path },
    ...alone(reply(200, body, more)),
  });
  return [
    route(`metadata.${surface.name}`, new URL(metadataUrl(surface)).pathname),
    ...(surface.name === DEFAULT_SURFACE ? [route('metadata', PROTECTED_RESOURCE_PATH)] : []),
  ];
}

/** With them servers verify what the gateway tells them of their callers. */
function identityKeysRoute(keys: Catalog['identityKeys']): EnvoyJson {
  const body = JSON.stringify(identityKeySet(keys));
  return { name: 'identity-keys', match: { path: IDENTITY_KEYS_PATH }, ...alone(reply(200, body)) };
}

/** A route that Envoy answers by itself, and that nobody needs to decide on. */
function alone(route: EnvoyJson): EnvoyJson {
  return { ...route, typed_per_filter_config: extProcOff() };
}

function answer(code: ErrorCode): EnvoyJson {
  return reply(ERRORS[code].http, errorTextFor(code));
}

function reply(status: number, body: string, headers: readonly EnvoyJson[] = []): EnvoyJson {
  return {
    direct_response: { status, body: { inline_string: body } },
    response_headers_to_add: [
      { header: { key: 'content-type', value: 'application/json' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      ...headers,
    ],
  };
}

/** A page without state: who opens it learns how to go on, and nothing of the call. */
const APPROVALS_ROUTE: EnvoyJson = {
  name: 'approvals',
  match: { prefix: APPROVALS_PATH },
  direct_response: {
    status: 200,
    body: {
      inline_string:
        'A call waits for a person. The last part of this address is the id of its approval.\n' +
        'An approver decides with: chancery approvals approve ID (or deny ID).\n' +
        'When it is approved, let your client make the same call again.\n',
    },
  },
  response_headers_to_add: [added('content-type', 'text/plain; charset=utf-8'), added('cache-control', 'no-store')],
  typed_per_filter_config: extProcOff(),
};
const BACKEND_ROUTE = backendRoute();
const MODERN_BACKEND_ROUTE = modernBackendRoute(BACKEND_ROUTE);
const UNKNOWN_ROUTE: EnvoyJson = { name: 'unknown', match: { prefix: '/' }, ...alone(answer('unknown_surface')) };

/** Our own calls. What is idempotent may be repeated whatever happened; the rest only where nothing was executed. */
export function egressRoutes(): EnvoyJson {
  const cluster = {
    cluster_header: HEADERS.cluster,
    cluster_not_found_response_code: 'SERVICE_UNAVAILABLE',
    auto_host_rewrite: true,
  };
  const previous = [
    { name: 'envoy.retry_host_predicates.previous_hosts', typed_config: { '@type': FILTERS.previousHosts } },
  ];
  const header = (name: string): EnvoyJson => ({ name, present_match: true });
  // Of the calls of clients that are made here Envoy says no more than of those that it carries.
  const remove = [HEADERS.cluster, HEADERS.idempotent, HEADERS.fresh, 'x-forwarded-proto'];
  const once = { retry_on: 'connect-failure,refused-stream,reset-before-request', num_retries: 2 };
  const again = {
    retry_on: 'connect-failure,refused-stream,reset,retriable-status-codes',
    retriable_status_codes: [502, 503, 504],
    num_retries: 3,
    retry_host_predicate: previous,
    host_selection_retry_max_attempts: 3,
  };
  const timeout = seconds(LIMITS.idempotentDeadlineMs);
  const held = { ...cluster, timeout: '0s', idle_timeout: seconds(LIMITS.streamIdleMs), retry_policy: once };
  return {
    name: ROUTES.egress,
    virtual_hosts: [
      {
        name: 'backends',
        domains: ['*'],
        // For the access log of the call for which it was made; no backend's own word for it.
        response_headers_to_add: [
          added(HEADERS.replica, '%UPSTREAM_HOST%'),
          added(HEADERS.attempts, '%UPSTREAM_REQUEST_ATTEMPT_COUNT%'),
        ],
        routes: [
          {
            // The session header only names a replica; one that answers is wanted, so no other is tried.
            name: 'fresh',
            match: { prefix: '/', headers: [header(HEADERS.cluster), header(HEADERS.fresh)] },
            request_headers_to_remove: [...remove, HEADERS.session],
            route: { ...cluster, timeout, retry_policy: once },
          },
          {
            name: 'idempotent',
            match: { prefix: '/', headers: [header(HEADERS.cluster), header(HEADERS.idempotent)] },
            request_headers_to_remove: remove,
            route: { ...cluster, timeout, retry_policy: again },
          },
          {
            // They are open for hours and say nothing: with limits of their own they never stand in the way of a call.
            name: 'listen',
            match: {
              prefix: '/',
              headers: [header(HEADERS.cluster), { name: ':method', string_match: { exact: 'GET' } }],
            },
            request_headers_to_remove: remove,
            route: { ...held, priority: 'HIGH' },
          },
          {
            name: 'listen.modern',
            match: {
              prefix: '/',
              headers: [
                header(HEADERS.cluster),
                { name: HEADERS.method, string_match: { exact: 'subscriptions/listen' } },
              ],
            },
            request_headers_to_remove: remove,
            route: { ...held, priority: 'HIGH' },
          },
          {
            name: 'once',
            match: { prefix: '/', headers: [header(HEADERS.cluster)] },
            request_headers_to_remove: remove,
            route: held,
          },
        ],
      },
    ],
  };
}
