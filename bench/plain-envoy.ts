// Decides what the plain hop is: the same Envoy with a listener of the same kind, and nothing in it but the router.
import { LIMITS } from '../core/limits.ts';
import { LOOPBACK } from './load-order.ts';

const seconds = (ms: number): string => `${ms / 1000}s`;
const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;

/** A static bootstrap: `127.0.0.1:port` to the backend's Unix socket. No filter, no policy, no access log. Pure. */
export function plainBootstrap(port: number, backendSocket: string): object {
  const connectionManager = {
    '@type': type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'plain',
    use_remote_address: true,
    normalize_path: true,
    merge_slashes: true,
    request_headers_timeout: seconds(LIMITS.headersDeadlineMs),
    stream_idle_timeout: seconds(LIMITS.streamIdleMs),
    common_http_protocol_options: { idle_timeout: seconds(LIMITS.streamIdleMs) },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': type('filters.http.router.v3.Router'), suppress_envoy_headers: true },
      },
    ],
    route_config: {
      name: 'plain',
      virtual_hosts: [
        {
          name: 'backend',
          domains: ['*'],
          routes: [
            {
              match: { path: '/mcp' },
              route: { cluster: 'backend', timeout: '0s', idle_timeout: seconds(LIMITS.streamIdleMs) },
            },
          ],
        },
      ],
    },
  };
  return {
    node: { id: 'plain', cluster: 'plain' },
    static_resources: {
      listeners: [
        {
          name: 'plain',
          address: { socket_address: { address: LOOPBACK, port_value: port } },
          per_connection_buffer_limit_bytes: 1024 * 1024,
          filter_chains: [
            {
              filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager }],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'backend',
          type: 'STATIC',
          connect_timeout: seconds(LIMITS.connectDeadlineMs),
          circuit_breakers: {
            thresholds: [
              {
                max_connections: LIMITS.backendConnectionsMax,
                max_pending_requests: LIMITS.backendPendingMax,
                max_requests: LIMITS.backendRequestsMax,
                max_retries: LIMITS.backendRetriesMax,
              },
            ],
          },
          load_assignment: {
            cluster_name: 'backend',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: backendSocket } } } }] }],
          },
        },
      ],
    },
  };
}
