// Decides a backend's replicas as Envoy takes them.
import { type BackendEndpoint, isNamed } from '../../catalog/endpoints.ts';
import type { Backend, EnvoyJson } from './types.ts';

/** Names are resolved by Envoy, in the cluster itself; addresses and sockets come over EDS. */
export function needsDns({ endpoints }: Backend): boolean {
  return endpoints.some(isNamed);
}

/** The load assignment: replicas of one zone together, in the order in which zones are first named. */
export function assignment({ version, endpoints }: Backend): EnvoyJson {
  const zones = new Map<string, EnvoyJson[]>();
  for (const each of endpoints) {
    const zone = each.zone ?? '';
    zones.set(zone, [...(zones.get(zone) ?? []), endpoint(each)]);
  }
  return {
    cluster_name: version.cluster,
    endpoints: [...zones].map(([zone, all]) => ({ ...(zone === '' ? {} : { locality: { zone } }), lb_endpoints: all })),
  };
}

/** `hostname` is what the Host header becomes: servers that guard against DNS rebinding compare it. */
export function endpoint({ kind, host, port, authority, weight }: BackendEndpoint): EnvoyJson {
  const address = kind === 'unix' ? { pipe: { path: host } } : { socket_address: { address: host, port_value: port } };
  return {
    endpoint: { address, hostname: authority },
    ...(weight === undefined ? {} : { load_balancing_weight: weight }),
  };
}
