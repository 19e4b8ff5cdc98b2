// Decides which resources Envoy is given for one server: a cluster for each version that is reached, and what it needs.
import type { ServerParts } from '../../catalog/build.ts';
import { asBefore } from '../../catalog/kept.ts';
import { backendCluster } from './clusters.ts';
import { tokenClusters } from './credentials.ts';
import { assignment, needsDns } from './endpoints.ts';
import { secretsOf } from './secrets.ts';
import type { EnvoyJson, Place } from './types.ts';

export type Named = readonly [name: string, resource: EnvoyJson];

export interface ServerResources {
  readonly clusters: readonly Named[];
  readonly endpoints: readonly Named[];
  /** Clusters that were left out. */
  readonly blocked: readonly string[];
  /** Names of documents. */
  readonly secrets: readonly string[];
}

/** Lists, and resources in them, that say what they said before are the same objects, so that none is encoded again. */
export function serverResources(
  { backends: all }: ServerParts,
  place: Place,
  blocked: ReadonlySet<string>,
  before: ServerResources | undefined,
): ServerResources {
  const backends = all.filter(({ version }) => !blocked.has(version.cluster));
  const clusters = backends.flatMap((backend) => [backendCluster(backend, place), ...tokenClusters(backend, place)]);
  const assignments = backends.filter((backend) => !needsDns(backend)).map(assignment);
  return {
    blocked: all.map(({ version }) => version.cluster).filter((name) => blocked.has(name)),
    clusters: settled(
      before?.clusters,
      clusters.map((json) => [String(json.name), json]),
    ),
    endpoints: settled(
      before?.endpoints,
      assignments.map((json) => [String(json.cluster_name), json]),
    ),
    secrets: asBefore(before?.secrets, [...new Set(backends.flatMap(secretsOf))]),
  };
}

function settled(before: readonly Named[] | undefined, after: readonly Named[]): readonly Named[] {
  if (before === undefined) return after;
  const known = new Map(before);
  return asBefore(
    before,
    after.map(([name, json]) => [name, asBefore(known.get(name), json)] as const),
  );
}
