// Decides the little that Envoy is told at its start: who it is, where ADS is, and that it closes gRPC streams gracefully.
import { join } from 'node:path';
import { CLUSTERS, NODE_GROUPS, RUNTIME_LAYER, SOCKETS } from '../core/contract.ts';
import { LIMITS } from '../core/limits.ts';

const HEAP = 'envoy.resource_monitors.fixed_heap';

export interface BootstrapInput {
  readonly nodeId: string;
  /** Absolute. */
  readonly runDir: string;
}

/** Envoy's bootstrap as JSON; `envoy -c` takes it in a file. Everything else comes over ADS. */
export function bootstrap({ nodeId, runDir }: BootstrapInput): object {
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  return {
    node: { id: nodeId, cluster: NODE_GROUPS.envoy },
    admin: { address: { pipe: { path: join(runDir, SOCKETS.envoyAdmin), mode: 0o600 } } },
    layered_runtime: {
      layers: [
        {
          name: 'chancery_guards',
          static_layer: {
            // Without it Envoy resets every ext_proc stream, and Node's HTTP/2 server takes that for a rapid-reset attack.
            'envoy.reloadable_features.ext_proc_graceful_grpc_close': true,
          },
        },
        { name: 'chancery', rtds_layer: { name: RUNTIME_LAYER, rtds_config: ads } },
        // By hand, for a look into something: `POST /runtime_modify` on the admin socket. It is gone with the process.
        { name: 'admin', admin_layer: {} },
      ],
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: CLUSTERS.ads } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: CLUSTERS.ads,
          type: 'STATIC',
          connect_timeout: '1s',
          circuit_breakers: {
            thresholds: [{ max_connections: 1024, max_pending_requests: 1024, max_requests: 1024, max_retries: 1024 }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: {
                http2_protocol_options: {
                  connection_keepalive: { interval: `${LIMITS.adsKeepAliveMs / 1000}s`, timeout: '5s' },
                },
              },
            },
          },
          load_assignment: {
            cluster_name: CLUSTERS.ads,
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: join(runDir, SOCKETS.ads) } } } }] }],
          },
        },
      ],
    },
    overload_manager: {
      refresh_interval: '0.25s',
      resource_monitors: [
        {
          name: HEAP,
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig',
            max_heap_size_bytes: LIMITS.envoyHeapBytesMax,
          },
        },
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            max_active_downstream_connections: LIMITS.clientConnectionsMax,
          },
        },
      ],
      // Bodies that wait for ext-authz are Envoy's to hold: before memory runs out new requests are refused.
      actions: [
        { name: 'envoy.overload_actions.shrink_heap', triggers: [pressure(0.9)] },
        { name: 'envoy.overload_actions.stop_accepting_requests', triggers: [pressure(0.95)] },
        // Earlier go the streams that hold the most, of clients that do not read; over HTTP/1.1 an answer that Envoy has the
        // whole of is no stream any more, but a connection that does nothing.
        { name: 'envoy.overload_actions.reset_high_memory_stream', triggers: [growing(0.75, 0.95)] },
        {
          name: 'envoy.overload_actions.reduce_timeouts',
          triggers: [growing(0.6, 0.75)],
          typed_config: {
            '@type': 'type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig',
            timer_scale_factors: [
              { timer: 'HTTP_DOWNSTREAM_CONNECTION_IDLE', min_timeout: `${LIMITS.pressedIdleMs / 1000}s` },
            ],
          },
        },
      ],
      // What a stream holds is counted from a mebibyte on.
      buffer_factory_config: { minimum_account_to_track_power_of_two: 20 },
    },
  };
}

/** The more of the heap is in use, the more is done. */
function growing(from: number, to: number): object {
  return { name: HEAP, scaled: { scaling_threshold: from, saturation_threshold: to } };
}

function pressure(value: number): object {
  return { name: HEAP, threshold: { value } };
}
