// Decides what a snapshot is: all resources that one group of nodes shall hold, immutable.
import { contentHash } from '../../core/runtime/canonical.ts';

export interface SnapshotResource {
  /** Hash of the content: equal content, equal version, whoever made it and when. */
  readonly version: string;
  /** The serialised message. */
  readonly bytes: Uint8Array;
}

export interface TypeSnapshot {
  /** Hash over names and versions. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, SnapshotResource>;
}

/** That a resource points to another by name, and where. */
export interface Reference {
  readonly to: 'cluster' | 'route';
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

export const EMPTY_TYPE: TypeSnapshot = typeSnapshot(new Map());

/** One type's resources under one version. */
export function typeSnapshot(resources: ReadonlyMap<string, SnapshotResource>): TypeSnapshot {
  const versions = Object.fromEntries([...resources].map(([name, { version }]) => [name, version]));
  return { version: contentHash(versions), resources };
}
