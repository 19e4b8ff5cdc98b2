// Decides how translated resources become one static bootstrap, so that `envoy --mode validate` can judge them.
import { TYPES } from '../../controlplane/xds/translate/type-urls.ts';
import type { EnvoyJson, Translated } from '../../controlplane/xds/translate/types.ts';

type Mutable = { [member: string]: unknown };

/** RDS and EDS are put in place of their references; everything else stays as it is pushed. */
export function staticBootstrap(resources: Translated): object {
  const routes = resources[TYPES.routes] ?? {};
  const assignments = resources[TYPES.endpoints] ?? {};
  const listeners = structuredClone(Object.values(resources[TYPES.listener] ?? {})) as Mutable[];
  walk(listeners, (node) => {
    const rds = node.rds as { route_config_name: string } | undefined;
    if (rds === undefined) return;
    delete node.rds;
    node.route_config = routes[rds.route_config_name];
  });
  const clusters = Object.values(resources[TYPES.cluster] ?? {}).map((cluster): EnvoyJson => {
    if (cluster.type !== 'EDS') return cluster;
    const { eds_cluster_config: _, ...rest } = cluster;
    return { ...rest, type: 'STATIC', load_assignment: assignments[String(cluster.name)] };
  });
  return { static_resources: { listeners, clusters } };
}

function walk(node: unknown, visit: (node: Mutable) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) visit(node as Mutable);
  for (const child of Object.values(node)) walk(child, visit);
}
