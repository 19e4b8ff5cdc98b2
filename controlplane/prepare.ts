// Decides what every group of xDS clients would hold of a publication, and whether they may be given it.
import { CLUSTERS, KINDS_OF_GROUP, OWN_TYPES, type OwnKind } from '../core/contract.ts';
import type { EnvoyApi } from '../proto/envoy-api.ts';
import { kept } from './catalog/kept.ts';
import type { Publication } from './publication.ts';
import { changesBetween } from './xds/changes.ts';
import { checkSnapshot } from './xds/check-snapshot.ts';
import { buildEnvoySnapshot } from './xds/envoy-snapshot.ts';
import { buildOwnSnapshot } from './xds/own-snapshot.ts';
import { labelOf } from './xds/resource-types.ts';
import { EMPTY_SNAPSHOT, type Snapshot } from './xds/snapshot.ts';

export interface Prepared {
  readonly publication: Publication;
  /** Group → its snapshot. */
  readonly envoy: ReadonlyMap<string, Snapshot>;
  /** Of our own services: as `node.cluster` names them. */
  readonly services: ReadonlyMap<string, Snapshot>;
  /** All of our own kinds, of which those of the services are parts. */
  readonly own: Snapshot;
}

export type Preparation = Prepared | { readonly problems: readonly string[] };

/** What a client of a group would be given anew, or lose. */
export interface PreviewedChange {
  readonly group: string;
  /** What people call the type, e.g. `CDS`, `server`. */
  readonly type: string;
  readonly name: string;
  readonly change: 'added' | 'changed' | 'removed';
}

export function prepare(api: EnvoyApi, publication: Publication, before: Prepared | undefined): Preparation {
  const { secretVersions, stdioVersions } = publication;
  const envoy = new Map<string, Snapshot>();
  const problems: string[] = [];
  for (const [group, resources] of publication.envoy) {
    const previous = before?.envoy.get(group);
    const built = buildEnvoySnapshot(api, resources, { previous, secretVersions });
    if ('problems' in built) problems.push(...built.problems);
    else {
      // One that was checked before is still right.
      if (built.snapshot !== previous) problems.push(...checkSnapshot(built.snapshot, [CLUSTERS.ads], previous));
      envoy.set(group, built.snapshot);
    }
  }
  if (problems.length > 0) return { problems: [...new Set(problems)] };
  const own = buildOwnSnapshot(publication.own, publication.revision, { previous: before?.own, stdioVersions });
  const services = new Map(
    Object.entries(KINDS_OF_GROUP).map(([group, kinds]) => [group, partOf(own, kinds, before?.services.get(group))]),
  );
  return { publication, envoy, services, own };
}

/** Groups that are the same in both are told apart by identity, so this costs what changed. */
export function differences(before: Prepared | undefined, after: Prepared): readonly PreviewedChange[] {
  const found: PreviewedChange[] = [];
  const compare = (group: string, a = EMPTY_SNAPSHOT, b = EMPTY_SNAPSHOT): void => {
    for (const [typeUrl, names] of a === b ? [] : changesBetween(a, b)) {
      for (const name of names) {
        const [held, given] = [a, b].map(({ types }) => types.get(typeUrl)?.resources.has(name) === true);
        const change = !held ? 'added' : given ? 'changed' : 'removed';
        found.push({ group, type: labelOf(typeUrl), name, change });
      }
    }
  };
  for (const group of new Set([...after.envoy.keys(), ...(before?.envoy.keys() ?? [])]))
    compare(group, before?.envoy.get(group), after.envoy.get(group));
  for (const [group, snapshot] of after.services) compare(group, before?.services.get(group), snapshot);
  return found;
}

/** `before` itself when nothing of its kinds is another. */
function partOf(own: Snapshot, kinds: readonly OwnKind[], before: Snapshot | undefined): Snapshot {
  const urls = new Set<string>(kinds.map((kind) => OWN_TYPES[kind]));
  const types = new Map([...own.types].filter(([typeUrl]) => urls.has(typeUrl)));
  if (before !== undefined && kept(before.types, types) === before.types) return before;
  return { types, references: [], endpointsOf: new Map() };
}
