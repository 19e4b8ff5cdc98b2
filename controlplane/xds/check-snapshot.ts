// Decides whether a snapshot is consistent: nothing in it points to what is not there.
import { changedEntries } from '../catalog/kept.ts';
import { referencesOf } from './envoy-snapshot.ts';
import { CDS, ECDS, EDS, RDS, SDS } from './resource-types.ts';
import { EMPTY_TYPE, type ReferenceKind, type Snapshot, type SnapshotResource } from './snapshot.ts';

/** Where what a reference names must be. */
const TYPE_OF: Readonly<Record<ReferenceKind, string>> = {
  cluster: CDS.typeUrl,
  route: RDS.typeUrl,
  secret: SDS.typeUrl,
  extension: ECDS.typeUrl,
};

/**
 * Envoy accepts a route to a cluster that does not exist and answers 503, and it waits 15 s for endpoints or routes that
 * never come: so an inconsistent snapshot must not be published.
 * @param bootstrapClusters names of clusters that Envoy's bootstrap has, besides those in the snapshot.
 * @param good a snapshot that was made and checked before: where both have the same names, only what changed is looked at.
 * @returns one sentence for each problem; empty when the snapshot may be published.
 */
export function checkSnapshot(
  snapshot: Snapshot,
  bootstrapClusters: readonly string[],
  good?: Snapshot,
): readonly string[] {
  const changed = good === undefined ? null : changedResources(good, snapshot);
  const references = changed === null ? snapshot.references : changed.flatMap(referencesOf);
  const problems = references.flatMap(({ to, name, from }) =>
    resourcesOf(snapshot, TYPE_OF[to]).has(name) || (to === 'cluster' && bootstrapClusters.includes(name))
      ? []
      : [`${from}: there is no ${to} ${JSON.stringify(name)}`],
  );
  return changed === null ? [...problems, ...endpointProblems(snapshot)] : problems;
}

/** null: there are other names, or clusters ask for other endpoints, so anything may point to what is gone. */
function changedResources(good: Snapshot, snapshot: Snapshot): readonly SnapshotResource[] | null {
  if (good.endpointsOf !== snapshot.endpointsOf) return null;
  const changed: SnapshotResource[] = [];
  for (const typeUrl of new Set([...good.types.keys(), ...snapshot.types.keys()])) {
    const entries = changedEntries(resourcesOf(good, typeUrl), resourcesOf(snapshot, typeUrl));
    if (entries === null) return null;
    changed.push(...entries.map(([, resource]) => resource));
  }
  return changed;
}

function endpointProblems(snapshot: Snapshot): readonly string[] {
  const endpoints = resourcesOf(snapshot, EDS.typeUrl);
  const asked = new Set(snapshot.endpointsOf.values());
  const missing = [...snapshot.endpointsOf].filter(([, name]) => !endpoints.has(name));
  const idle = [...endpoints.keys()].filter((name) => !asked.has(name));
  return [
    ...missing.map(
      ([cluster, name]) => `CDS ${JSON.stringify(cluster)}: there are no endpoints ${JSON.stringify(name)}`,
    ),
    ...idle.map((name) => `EDS ${JSON.stringify(name)}: no cluster asks for these endpoints`),
  ];
}

function resourcesOf(snapshot: Snapshot, typeUrl: string): ReadonlyMap<string, SnapshotResource> {
  return (snapshot.types.get(typeUrl) ?? EMPTY_TYPE).resources;
}
