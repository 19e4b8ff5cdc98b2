// Decides a backend's replicas as Envoy takes them.
import type { EndpointAddress } from '../../../core/catalog/document.ts';
import { needsDns } from './clusters.ts';
import type { Backend, EnvoyJson } from './types.ts';

/** One load assignment for each cluster that gets its replicas over EDS. */
export function endpoints(backends: readonly Backend[]): Record<string, EnvoyJson> {
  return Object.fromEntries(
    backends
      .filter((backend) => !needsDns(backend.endpoints))
      .map(({ server, endpoints: all }) => [
        server.cluster,
        { cluster_name: server.cluster, endpoints: [{ lb_endpoints: all.map(endpoint) }] },
      ]),
  );
}

/** `hostname` is what the Host header becomes: servers that guard against DNS rebinding compare it. */
export function endpoint({ kind, host, port, authority }: EndpointAddress): EnvoyJson {
  const address = kind === 'unix' ? { pipe: { path: host } } : { socket_address: { address: host, port_value: port } };
  return { endpoint: { address, hostname: authority } };
}
