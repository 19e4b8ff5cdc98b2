// Decides how translated resources become one static bootstrap, so that `envoy --mode validate` can judge them.
import { TYPES } from '../../controlplane/xds/translate/type-urls.ts';
import type { EnvoyJson, Translated } from '../../controlplane/xds/translate/types.ts';
import { RUNTIME_LAYER } from '../../core/contract.ts';
import { bootstrap } from '../../envoy/bootstrap.ts';

type Mutable = { [member: string]: unknown };

/** RDS, EDS, SDS, ECDS and RTDS are put in place of their references; everything else stays as it is pushed. */
export function staticBootstrap(resources: Translated, runDir: string): object {
  const named = (type: string, name: unknown): EnvoyJson | undefined => resources[type]?.get(String(name));
  const all = (type: string): Mutable[] => structuredClone([...(resources[type]?.values() ?? [])]) as Mutable[];
  const listeners = all(TYPES.listener);
  walk(listeners, (node) => {
    const rds = node.rds as { route_config_name: string } | undefined;
    if (rds !== undefined) {
      delete node.rds;
      node.route_config = named(TYPES.routes, rds.route_config_name);
    }
    if (node.config_discovery !== undefined) {
      delete node.config_discovery;
      node.typed_config = named(TYPES.extension, node.name)?.typed_config;
    }
  });
  const clusters = all(TYPES.cluster).map((cluster): Mutable => {
    if (cluster.type !== 'EDS') return cluster;
    const { eds_cluster_config: _, ...rest } = cluster;
    return { ...rest, type: 'STATIC', load_assignment: named(TYPES.endpoints, cluster.name) };
  });
  walk(clusters, (node) => delete node.sds_config);
  const { layered_runtime } = bootstrap({ nodeId: 'static', runDir }) as { layered_runtime: { layers: Mutable[] } };
  const layers = layered_runtime.layers.map(({ rtds_layer, ...layer }) =>
    rtds_layer === undefined ? layer : { ...layer, static_layer: named(TYPES.runtime, RUNTIME_LAYER)?.layer },
  );
  return {
    node: { id: 'static', cluster: 'envoy' },
    layered_runtime: { layers },
    static_resources: { listeners, clusters, secrets: all(TYPES.secret) },
  };
}

function walk(node: unknown, visit: (node: Mutable) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) visit(node as Mutable);
  for (const child of Object.values(node)) walk(child, visit);
}
