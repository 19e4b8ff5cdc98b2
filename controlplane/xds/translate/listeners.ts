// Decides the two listeners: the gateway's, and the Unix socket by which our own processes reach backends.
import { join } from 'node:path';
import { LISTENERS, ROUTES, SOCKETS } from '../../../core/contract.ts';
import { LIMITS } from '../../../core/limits.ts';
import { accessLog } from './access-log.ts';
import { affinityFilter } from './affinity.ts';
import { agentsTls } from './agents-tls.ts';
import { answersFilter } from './backend-answers.ts';
import { extAuthzFilter } from './ext-authz.ts';
import { extProcFilter } from './ext-proc.ts';
import { egressReplies, localReplies } from './local-reply.ts';
import { originFilter } from './origin.ts';
import { stripHeaders } from './strip-headers.ts';
import { FILTERS } from './type-urls.ts';
import { type EnvoyJson, OVER_ADS, type Place, seconds } from './types.ts';

/** The order of effect. Nothing in a listener depends on the catalog, or on the allowed origins: a changed listener drains, and cuts live streams. */
function ingressFilters(place: Place): EnvoyJson[] {
  return [
    originFilter(),
    extAuthzFilter(place.bodyBytesMax),
    extProcFilter(place),
    answersFilter(),
    affinityFilter(),
    router(),
  ];
}

export function listeners(place: Place): Record<string, EnvoyJson> {
  return {
    [LISTENERS.ingress]: {
      name: LISTENERS.ingress,
      address: { socket_address: { address: place.host, port_value: place.port } },
      per_connection_buffer_limit_bytes: 1024 * 1024,
      filter_chains: [
        {
          ...agentsTls(place),
          filters: [
            manager(place, 'ingress', ROUTES.ingress, ingressFilters(place), {
              early_header_mutation_extensions: [stripHeaders()],
              use_remote_address: true,
              local_reply_config: localReplies(),
              normalize_path: true,
              merge_slashes: true,
              path_with_escaped_slashes_action: 'REJECT_REQUEST',
              request_headers_timeout: seconds(LIMITS.headersDeadlineMs),
              // Where ext-authz waits for the body no clock of ours runs yet; later than ext-proc's own, which knows more.
              request_timeout: seconds(LIMITS.headersDeadlineMs + LIMITS.bodyDeadlineMs),
              server_header_transformation: 'OVERWRITE',
              server_name: 'chancery',
              common_http_protocol_options: {
                headers_with_underscores_action: 'REJECT_REQUEST',
                // Over HTTP/1.1 it also ends what a reader left of an answer that Envoy has the whole of,
                idle_timeout: seconds(LIMITS.clientIdleMs),
              },
              // over HTTP/2 this does.
              stream_flush_timeout: seconds(LIMITS.clientIdleMs),
            }),
          ],
        },
      ],
    },
    [LISTENERS.egress]: {
      name: LISTENERS.egress,
      address: { pipe: { path: join(place.runDir, SOCKETS.egress), mode: 0o600 } },
      filter_chains: [
        {
          filters: [
            manager(place, 'egress', ROUTES.egress, [affinityFilter(), router()], {
              local_reply_config: egressReplies(),
            }),
          ],
        },
      ],
    },
  };
}

function manager(
  place: Place,
  statPrefix: string,
  routes: string,
  httpFilters: readonly EnvoyJson[],
  more: EnvoyJson,
): EnvoyJson {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': FILTERS.hcm,
      stat_prefix: statPrefix,
      rds: { route_config_name: routes, config_source: OVER_ADS },
      http_filters: httpFilters,
      stream_idle_timeout: seconds(LIMITS.streamIdleMs),
      access_log: [accessLog(place.accessLog)],
      ...more,
    },
  };
}

function router(): EnvoyJson {
  return { name: 'envoy.filters.http.router', typed_config: { '@type': FILTERS.router, suppress_envoy_headers: true } };
}
