// Decides whether a node, over all its streams, has acknowledged what somebody waits for.
import { CDS, EDS } from './resource-types.ts';
import type { Snapshot } from './snapshot.ts';
import type { Standing } from './stream.ts';
import type { Subscription } from './subscription.ts';

/** A resource somebody waits for; without a name all of the type that the client subscribes to. */
export interface Wanted {
  readonly typeUrl: string;
  readonly name?: string;
}

/** Type URL → the names that are waited for; null: all. */
export type WantedNames = ReadonlyMap<string, ReadonlySet<string> | null>;

/** What is asked of a stream. */
export interface Stands {
  standing(typeUrl: string, names: ReadonlySet<string> | null): Standing;
  subscription(typeUrl: string): Pick<Subscription, 'has' | 'names' | 'wildcard'> | undefined;
}

export function wantedNames(wanted: readonly Wanted[]): WantedNames {
  const result = new Map<string, Set<string> | null>();
  for (const { typeUrl, name } of wanted) {
    const names = result.get(typeUrl);
    if (name === undefined) result.set(typeUrl, null);
    else if (names === undefined) result.set(typeUrl, new Set([name]));
    else names?.add(name);
  }
  return result;
}

/** A cluster counts only with its endpoints. */
export function standingOf(streams: readonly Stands[], snapshot: Snapshot | null, wanted: WantedNames): Standing {
  const found: Standing[] = [];
  for (const [typeUrl, names] of wanted) {
    const own = worst(streams.map((stream) => stream.standing(typeUrl, names)));
    found.push(own);
    if (typeUrl === CDS.typeUrl && own === 'acked') found.push(endpointsStanding(streams, snapshot, names));
  }
  return worst(found);
}

function worst(found: readonly Standing[]): Standing {
  return (['nacked', 'pending', 'acked'] as const).find((standing) => found.includes(standing)) ?? 'none';
}

function endpointsStanding(
  streams: readonly Stands[],
  snapshot: Snapshot | null,
  clusters: ReadonlySet<string> | null,
): Standing {
  const names = new Set<string>();
  for (const stream of streams) {
    const held = stream.subscription(CDS.typeUrl);
    if (held === undefined) continue;
    const few = !held.wildcard && held.names.size < (clusters?.size ?? Number.POSITIVE_INFINITY);
    for (const cluster of few ? held.names : (clusters ?? snapshot?.endpointsOf.keys() ?? [])) {
      const name = snapshot?.endpointsOf.get(cluster);
      if (name !== undefined && held.has(cluster) && (clusters?.has(cluster) ?? true)) names.add(name);
    }
  }
  if (names.size === 0) return 'acked';
  const asking = streams.flatMap((stream) => {
    const subscription = stream.subscription(EDS.typeUrl);
    return subscription === undefined ? [] : [{ stream, subscription }];
  });
  for (const name of names) {
    if (!asking.some(({ subscription }) => subscription.has(name))) return 'pending';
  }
  return worst(asking.map(({ stream }) => stream.standing(EDS.typeUrl, names)));
}
