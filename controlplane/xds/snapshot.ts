// Decides what a snapshot is: all resources that one group of nodes shall hold, immutable.
import { SetDigest } from '../../core/catalog/digest.ts';

export interface SnapshotResource {
  /** Hash of the content: equal content, equal version, whoever made it and when. */
  readonly version: string;
  /** The serialised message. */
  readonly bytes: Uint8Array;
  /** A client that hears nothing of us for this long gives it up; absent: it keeps it. */
  readonly ttlMs?: number;
}

export interface TypeSnapshot {
  /** Digest over names and versions: see SetDigest. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, SnapshotResource>;
}

export type ReferenceKind = 'cluster' | 'route' | 'secret' | 'extension';

/** That a resource points to another by name, and where. */
export interface Reference {
  readonly to: ReferenceKind;
  readonly name: string;
  /** For people, e.g. `LDS "ingress" filter_chains[0]…route_config_name`. */
  readonly from: string;
}

export interface Snapshot {
  /** By type URL. */
  readonly types: ReadonlyMap<string, TypeSnapshot>;
  readonly references: readonly Reference[];
  /** Clusters whose endpoints come by EDS → the name of those endpoints. */
  readonly endpointsOf: ReadonlyMap<string, string>;
}

export const EMPTY_TYPE: TypeSnapshot = { version: new SetDigest().text(), resources: new Map() };
export const EMPTY_SNAPSHOT: Snapshot = { types: new Map(), references: [], endpointsOf: new Map() };

/**
 * One type's resources under one version, which costs one hash for each resource that is another than in `previous`.
 * `previous` itself when none is.
 * @param kind what the digest calls the type; the same for all snapshots of one type.
 */
export function typeSnapshot(
  resources: ReadonlyMap<string, SnapshotResource>,
  previous: TypeSnapshot = EMPTY_TYPE,
  kind = '',
): TypeSnapshot {
  if (resources === previous.resources) return previous;
  const digest = new SetDigest();
  digest.merge(previous.version);
  let same = true;
  for (const [name, resource] of resources) {
    const before = previous.resources.get(name);
    if (before === resource) continue;
    same = false;
    if (before?.version === resource.version) continue;
    if (before !== undefined) digest.toggle(kind, name, before.version);
    digest.toggle(kind, name, resource.version);
  }
  for (const [name, { version }] of previous.resources) {
    if (resources.has(name)) continue;
    same = false;
    digest.toggle(kind, name, version);
  }
  return same ? previous : { version: digest.text(), resources };
}
