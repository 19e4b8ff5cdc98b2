// Decides how Envoy reaches the services beside it and the backends: breakers, health, ejection, the repair of a retry.
import { join } from 'node:path';
import { CLUSTERS, extProcSocket, SOCKETS } from '../../../core/contract.ts';
import { LIMITS } from '../../../core/limits.ts';
import { credentialFilters } from './credentials.ts';
import { assignment, needsDns } from './endpoints.ts';
import { repairFilter } from './ext-proc.ts';
import { upstreamTls } from './tls.ts';
import { FILTERS, HTTP_OPTIONS_KEY } from './type-urls.ts';
import { type Backend, BY_NAME, type EnvoyJson, OVER_ADS, type Place, seconds } from './types.ts';

/** Those of the services beside Envoy; nothing in them depends on the catalog. */
export function serviceClusters(place: Place): readonly EnvoyJson[] {
  return [
    service(
      CLUSTERS.extProc,
      Array.from({ length: place.instances ?? 1 }, (_, index) => join(place.runDir, extProcSocket(index + 1))),
    ),
    service(CLUSTERS.extAuthz, [join(place.runDir, SOCKETS.extAuthz)]),
  ];
}

/**
 * HTTP/2 over a Unix socket. In full duplex there is no message timer: the keep-alive ends the connection to a service
 * that stalls, and with it every call that waits. The default limit of 1,024 requests fails closed under held streams.
 */
function service(name: string, paths: readonly string[]): EnvoyJson {
  const max = LIMITS.serviceRequestsMax;
  return {
    name,
    type: 'STATIC',
    connect_timeout: seconds(LIMITS.connectDeadlineMs),
    ...(paths.length === 1 ? {} : { outlier_detection: ONE_OF_SEVERAL, common_lb_config: NO_PANIC }),
    circuit_breakers: {
      thresholds: [{ max_connections: max, max_pending_requests: max, max_requests: max, max_retries: max }],
    },
    typed_extension_protocol_options: {
      [HTTP_OPTIONS_KEY]: {
        '@type': FILTERS.httpOptions,
        explicit_http_config: {
          http2_protocol_options: {
            connection_keepalive: {
              interval: seconds(LIMITS.serviceKeepAliveMs),
              timeout: seconds(LIMITS.serviceKeepAliveMs),
            },
            initial_stream_window_size: 1024 * 1024,
            initial_connection_window_size: 16 * 1024 * 1024,
            max_concurrent_streams: max,
          },
        },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: paths.map((path) => ({ endpoint: { address: { pipe: { path } } } })) }],
    },
  };
}

/** One that is being started again is passed over until it listens; what it says of a call is no matter of its health. */
const ONE_OF_SEVERAL = {
  consecutive_local_origin_failure: 1,
  split_external_local_origin_errors: true,
  enforcing_consecutive_5xx: 0,
  enforcing_consecutive_gateway_failure: 0,
  enforcing_success_rate: 0,
  enforcing_local_origin_success_rate: 0,
  interval: '0.25s',
  base_ejection_time: '0.25s',
  max_ejection_time: '1s',
  max_ejection_percent: 99,
} as const;
const NO_PANIC = { healthy_panic_threshold: { value: 0 } } as const;

/** Of a backend without credentials, which is most of them: one object, so that it is encoded once for all. */
const PLAIN_OPTIONS = httpOptions([]);

/** Names are resolved by Envoy; addresses and sockets come over EDS, so that a changed replica changes no cluster. */
export function backendCluster(backend: Backend, place: Place): EnvoyJson {
  const { version, endpoints, healthPath, tls } = backend;
  const first = endpoints[0];
  const credentials = credentialFilters(backend);
  return {
    name: version.cluster,
    connect_timeout: seconds(LIMITS.connectDeadlineMs),
    lb_policy: 'ROUND_ROBIN',
    common_lb_config: {
      healthy_panic_threshold: { value: 0 },
      // Only an Envoy that knows its own zone, and its own cluster, has a choice; for others this means nothing.
      ...(endpoints.some(({ zone }) => zone !== undefined) ? { zone_aware_lb_config: { min_cluster_size: 2 } } : {}),
    },
    ...(needsDns(backend)
      ? { ...BY_NAME, load_assignment: assignment(backend) }
      : { type: 'EDS', eds_cluster_config: { eds_config: OVER_ADS } }),
    circuit_breakers: BREAKERS,
    health_checks: [healthCheck(healthPath, first?.authority ?? 'localhost')],
    outlier_detection: EJECTION,
    typed_extension_protocol_options: {
      [HTTP_OPTIONS_KEY]: credentials.length === 0 ? PLAIN_OPTIONS : httpOptions(credentials),
    },
    ...(first?.tls ? { transport_socket: upstreamTls(first.host, place, tls) } : {}),
  };
}

const BREAKERS = {
  thresholds: [
    {
      max_connections: LIMITS.backendConnectionsMax,
      max_pending_requests: LIMITS.backendPendingMax,
      // An answer that streams counts for its whole life.
      max_requests: LIMITS.backendRequestsMax,
      max_retries: LIMITS.backendRetriesMax,
    },
    {
      // Streams that only listen. A backend of HTTP/1.1 has a connection for each.
      priority: 'HIGH',
      max_connections: LIMITS.backendStreamsMax,
      max_pending_requests: LIMITS.backendStreamsMax,
      max_requests: LIMITS.backendStreamsMax,
      max_retries: LIMITS.backendRetriesMax,
    },
  ],
} as const;

const EJECTION = {
  consecutive_local_origin_failure: 3,
  consecutive_5xx: 10,
  split_external_local_origin_errors: true,
  interval: '2s',
  base_ejection_time: '5s',
  max_ejection_percent: 50,
} as const;

/** The filters that run for each attempt, after the replica is chosen: the repair of a retry, the credential, the codec. */
function httpOptions(credentials: readonly EnvoyJson[]): EnvoyJson {
  return {
    '@type': FILTERS.httpOptions,
    explicit_http_config: { http_protocol_options: {} },
    http_filters: [
      repairFilter(),
      ...credentials,
      { name: 'envoy.filters.http.upstream_codec', typed_config: { '@type': FILTERS.upstreamCodec } },
    ],
  };
}

function healthCheck(path: string | undefined, host: string): EnvoyJson {
  return {
    timeout: seconds(LIMITS.healthCheckDeadlineMs),
    interval: seconds(LIMITS.healthCheckIntervalMs),
    // A cluster that was never used counts as one without traffic, and one that was down is wanted back soon.
    no_traffic_interval: seconds(LIMITS.healthCheckAgainMs),
    no_traffic_healthy_interval: seconds(LIMITS.healthCheckIntervalMs),
    unhealthy_interval: seconds(LIMITS.healthCheckAgainMs),
    unhealthy_threshold: 2,
    healthy_threshold: 1,
    ...(path === undefined ? { tcp_health_check: {} } : { http_health_check: { path, host } }),
  };
}
