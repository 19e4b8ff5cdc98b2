// Decides whether a snapshot is consistent: nothing in it points to what is not there.
import { CDS, EDS, RDS } from './resource-types.ts';
import { EMPTY_TYPE, type Snapshot } from './snapshot.ts';

/**
 * Envoy accepts a route to a cluster that does not exist and answers 503, and it waits 15 s for endpoints or routes that
 * never come: so an inconsistent snapshot must not be published.
 * @param bootstrapClusters names of clusters that Envoy's bootstrap has, besides those in the snapshot.
 * @returns one sentence for each problem; empty when the snapshot may be published.
 */
export function checkSnapshot(snapshot: Snapshot, bootstrapClusters: readonly string[]): readonly string[] {
  const names = (typeUrl: string): ReadonlySet<string> =>
    new Set((snapshot.types.get(typeUrl) ?? EMPTY_TYPE).resources.keys());
  const clusters = new Set([...names(CDS.typeUrl), ...bootstrapClusters]);
  const wanted = { cluster: clusters, route: names(RDS.typeUrl) };
  const problems: string[] = [];
  for (const { to, name, from } of snapshot.references) {
    if (!wanted[to].has(name)) problems.push(`${from}: there is no ${to} ${JSON.stringify(name)}`);
  }
  const endpoints = names(EDS.typeUrl);
  const asked = new Set(snapshot.endpointsOf.values());
  for (const [cluster, name] of snapshot.endpointsOf) {
    if (!endpoints.has(name))
      problems.push(`CDS ${JSON.stringify(cluster)}: there are no endpoints ${JSON.stringify(name)}`);
  }
  for (const name of endpoints) {
    if (!asked.has(name)) problems.push(`EDS ${JSON.stringify(name)}: no cluster asks for these endpoints`);
  }
  return problems;
}
