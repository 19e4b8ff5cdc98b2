// Decides how Envoy asks ext-proc: one request-only exchange that decides and translates, and the repair of a retry.
import {
  AUTHZ_METADATA_NAMESPACE,
  CALLER,
  CARRIED_HEADERS,
  CLUSTERS,
  HEADERS,
  METADATA,
} from '../../../core/contract.ts';
import { LIMITS } from '../../../core/limits.ts';
import { PARAM_PREFIX } from '../../../core/mcp/param-headers.ts';
import { FILTERS } from './type-urls.ts';
import { type EnvoyJson, type Place, seconds } from './types.ts';

const EXT_PROC_FILTER = 'chancery.ext_proc';

/** What ext-proc reads of a request, or sends on with a call of its own; nothing else leaves Envoy, so no cookie does. */
const FORWARDED = [
  ':method',
  ':path',
  'authorization',
  'accept',
  'content-type',
  'content-length',
  'content-encoding',
  'last-event-id',
  'origin',
  'access-control-request-method',
  HEADERS.session,
  HEADERS.protocolVersion,
  HEADERS.method,
  HEADERS.name,
  ...CARRIED_HEADERS,
];

/**
 * Full duplex on the request: the answer to the headers is held until the body was read, so headers, route and body change
 * together. Nothing on the response side: Envoy streams a backend's answer by itself (ADR 0004).
 */
export function extProcFilter(place: Pick<Place, 'clientCa'> & { readonly instances?: number }): EnvoyJson {
  const { instances = 1 } = place;
  return {
    name: EXT_PROC_FILTER,
    typed_config: {
      '@type': FILTERS.extProc,
      grpc_service: {
        envoy_grpc: { cluster_name: CLUSTERS.extProc },
        initial_metadata: [
          { key: CALLER.part, value: CALLER.decide },
          { key: CALLER.address, value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
          ...certificateOf(place),
        ],
        // One of several may be away; nothing was asked of one that cannot be reached.
        ...(instances === 1
          ? {}
          : { retry_policy: { retry_on: 'connect-failure,refused-stream', num_retries: instances } }),
      },
      failure_mode_allow: false,
      status_on_error: { code: 'ServiceUnavailable' },
      processing_mode: {
        request_header_mode: 'SEND',
        request_body_mode: 'FULL_DUPLEX_STREAMED',
        request_trailer_mode: 'SEND',
        response_header_mode: 'SKIP',
        response_body_mode: 'NONE',
        response_trailer_mode: 'SKIP',
      },
      forward_rules: {
        allowed_headers: { patterns: [...FORWARDED.map((exact) => ({ exact })), { prefix: PARAM_PREFIX }] },
      },
      metadata_options: {
        forwarding_namespaces: { untyped: [AUTHZ_METADATA_NAMESPACE] },
        receiving_namespaces: { untyped: [METADATA.namespace] },
      },
    },
  };
}

/**
 * Who shows a certificate, as Envoy verified it. In the call's own metadata, where no client can write, and not in a header
 * of the request (`x-forwarded-client-cert`), where each could.
 */
function certificateOf({ clientCa = '' }: Pick<Place, 'clientCa'>): readonly EnvoyJson[] {
  if (clientCa === '') return [];
  return [
    { key: CALLER.certificateUri, value: '%DOWNSTREAM_PEER_URI_SAN%' },
    { key: CALLER.certificateEnd, value: '%DOWNSTREAM_PEER_CERT_V_END(%s)%' },
  ];
}

/**
 * On by default: a route that forgets to say so is decided on too. Only routes that answer by themselves turn it off; an
 * override that turns it on would be merged anew for every request.
 */
export function extProcOff(): Readonly<Record<string, EnvoyJson>> {
  return { [EXT_PROC_FILTER]: { '@type': FILTERS.extProcPerRoute, disabled: true } };
}

/**
 * Among a backend cluster's own filters, which run for every attempt, after the replica is chosen: on the second and third
 * attempt ext-proc names the session to use there. The first attempt pays for the comparison of one header (ADR 0005).
 */
export function repairFilter(): EnvoyJson {
  const extProc = {
    '@type': FILTERS.extProc,
    grpc_service: {
      envoy_grpc: { cluster_name: CLUSTERS.extProc },
      initial_metadata: [
        { key: CALLER.part, value: CALLER.repair },
        { key: CALLER.repairContext, value: `%DYNAMIC_METADATA(${METADATA.namespace}:${METADATA.repair})%` },
        { key: CALLER.upstreamHost, value: '%UPSTREAM_HOST%' },
      ],
    },
    failure_mode_allow: false,
    status_on_error: { code: 'ServiceUnavailable' },
    message_timeout: seconds(2 * LIMITS.fanoutDeadlineMs),
    processing_mode: { request_header_mode: 'SEND', response_header_mode: 'SKIP' },
    forward_rules: { allowed_headers: { patterns: [{ exact: ':method' }, { exact: HEADERS.session }] } },
  };
  const run = {
    action: {
      name: 'repair',
      typed_config: {
        '@type': FILTERS.executeFilter,
        typed_config: { name: 'chancery.repair', typed_config: extProc },
      },
    },
  };
  return {
    name: 'chancery.repair_on_retry',
    typed_config: {
      '@type': FILTERS.composite,
      matcher: {
        matcher_tree: {
          input: {
            name: 'attempt',
            typed_config: { '@type': FILTERS.headerInput, header_name: 'x-envoy-attempt-count' },
          },
          exact_match_map: { map: { '2': run, '3': run } },
        },
      },
    },
  };
}
