// Decides how Envoy reaches the services beside it and the backends: breakers, health, ejection, the repair of a retry.
import { join } from 'node:path';
import { CLUSTERS, SOCKETS } from '../../../core/contract.ts';
import { LIMITS } from '../../../core/limits.ts';
import { endpoint } from './endpoints.ts';
import { repairFilter } from './ext-proc.ts';
import { FILTERS, HTTP_OPTIONS_KEY } from './type-urls.ts';
import { type Backend, type EnvoyJson, type Place, seconds } from './types.ts';

export function clusters(backends: readonly Backend[], place: Place): Record<string, EnvoyJson> {
  const all = [
    service(CLUSTERS.extProc, join(place.runDir, SOCKETS.extProc)),
    service(CLUSTERS.extAuthz, join(place.runDir, SOCKETS.extAuthz)),
    ...backends.map((each) => backend(each, place)),
  ];
  return Object.fromEntries(all.map((cluster) => [cluster.name, cluster]));
}

/**
 * HTTP/2 over a Unix socket. In full duplex there is no message timer: the keep-alive ends the connection to a service
 * that stalls, and with it every call that waits. The default limit of 1,024 requests fails closed under held streams.
 */
function service(name: string, path: string): EnvoyJson {
  const max = LIMITS.serviceRequestsMax;
  return {
    name,
    type: 'STATIC',
    connect_timeout: seconds(LIMITS.connectDeadlineMs),
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
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
    },
  };
}

/** Names are resolved by Envoy; addresses and sockets come over EDS, so that a changed replica changes no cluster. */
function backend({ server, endpoints, healthPath }: Backend, place: Place): EnvoyJson {
  const dns = needsDns(endpoints);
  const first = endpoints[0];
  return {
    name: server.cluster,
    connect_timeout: seconds(LIMITS.connectDeadlineMs),
    lb_policy: 'ROUND_ROBIN',
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    ...(dns
      ? {
          type: 'STRICT_DNS',
          load_assignment: { cluster_name: server.cluster, endpoints: [{ lb_endpoints: endpoints.map(endpoint) }] },
        }
      : { type: 'EDS', eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } } }),
    circuit_breakers: {
      thresholds: [
        {
          max_connections: LIMITS.backendConnectionsMax,
          max_pending_requests: LIMITS.backendPendingMax,
          // An answer that streams counts for its whole life.
          max_requests: LIMITS.backendRequestsMax,
          max_retries: LIMITS.backendRetriesMax,
        },
      ],
    },
    health_checks: [
      {
        timeout: seconds(LIMITS.healthCheckDeadlineMs),
        interval: seconds(LIMITS.healthCheckIntervalMs),
        // A cluster that was never used counts as one without traffic, and one that was down is wanted back soon.
        no_traffic_interval: seconds(LIMITS.healthCheckAgainMs),
        no_traffic_healthy_interval: seconds(LIMITS.healthCheckIntervalMs),
        unhealthy_interval: seconds(LIMITS.healthCheckAgainMs),
        unhealthy_threshold: 2,
        healthy_threshold: 1,
        ...(healthPath === undefined
          ? { tcp_health_check: {} }
          : { http_health_check: { path: healthPath, host: first?.authority ?? 'localhost' } }),
      },
    ],
    outlier_detection: {
      consecutive_local_origin_failure: 3,
      consecutive_5xx: 10,
      split_external_local_origin_errors: true,
      interval: '2s',
      base_ejection_time: '5s',
      max_ejection_percent: 50,
    },
    typed_extension_protocol_options: {
      [HTTP_OPTIONS_KEY]: {
        '@type': FILTERS.httpOptions,
        explicit_http_config: { http_protocol_options: {} },
        http_filters: [
          repairFilter(),
          { name: 'envoy.filters.http.upstream_codec', typed_config: { '@type': FILTERS.upstreamCodec } },
        ],
      },
    },
    ...(first?.tls ? { transport_socket: tls(first.host, place.caFile) } : {}),
  };
}

export function needsDns(endpoints: Backend['endpoints']): boolean {
  return endpoints.some(({ kind, host }) => kind === 'tcp' && !isAddress(host));
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** The name that was configured is the name that is verified. */
function tls(host: string, caFile: string): EnvoyJson {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': FILTERS.upstreamTls,
      sni: host,
      common_tls_context: {
        validation_context: {
          trusted_ca: { filename: caFile },
          match_typed_subject_alt_names: [
            { san_type: isAddress(host) ? 'IP_ADDRESS' : 'DNS', matcher: { exact: host } },
          ],
        },
      },
    },
  };
}
