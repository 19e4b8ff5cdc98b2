// Decides what the control plane holds in memory of its registry: immutable, replaced whole by each write.
import type { CatalogApiKey, Tombstone } from '../../core/catalog/catalog.ts';
import { DOCUMENT_KINDS, type DocumentKind, type SecretData } from '../../core/catalog/document.ts';
import type { ServerPins } from '../pinning/types.ts';
import type { StoredDiscovery } from './discoveries.ts';
import type { References } from './references.ts';
import type { ApiKey, RegistrySnapshot, StoredDocument, VersionStatus } from './types.ts';

/** An API key as it is kept: `ended` ones are not among the snapshot's any more. */
export interface KeptKey {
  readonly stored: ApiKey;
  /** Of the whole key, hex. */
  readonly sha256: string;
  readonly ended: boolean;
}

/** All maps are in the order of their keys, and the same object as before when nothing in them changed. */
export interface State {
  readonly revision: number;
  /** Grows with every write, with those that leave the revision as it is too: another process's write shows by it. */
  readonly writes: number;
  readonly documents: Readonly<Record<DocumentKind, ReadonlyMap<string, StoredDocument>>>;
  readonly references: References;
  readonly discoveries: ReadonlyMap<string, StoredDiscovery>;
  readonly pins: ReadonlyMap<string, ServerPins>;
  readonly versions: ReadonlyMap<string, VersionStatus>;
  readonly secrets: ReadonlyMap<string, SecretData>;
  readonly keys: ReadonlyMap<string, KeptKey>;
  /** Of `keys`: those of agents that have not ended. */
  readonly apiKeys: ReadonlyMap<string, CatalogApiKey>;
  readonly tombstones: ReadonlyMap<string, Tombstone>;
}

const KINDS = Object.keys(DOCUMENT_KINDS) as readonly DocumentKind[];

export const EMPTY_STATE: State = {
  revision: 0,
  writes: 0,
  documents: Object.fromEntries(KINDS.map((kind) => [kind, new Map()])) as unknown as State['documents'],
  references: new Map(),
  discoveries: new Map(),
  pins: new Map(),
  versions: new Map(),
  secrets: new Map(),
  keys: new Map(),
  apiKeys: new Map(),
  tombstones: new Map(),
};

/** How a version is named in maps. */
export function versionKey(server: string, version: string): string {
  return `${server} ${version}`;
}

/** The state after one more write. */
export function advanced(state: State, change: Partial<Omit<State, 'writes'>>): State {
  return { ...state, ...change, writes: state.writes + 1 };
}

const SNAPSHOTS = new WeakMap<State, RegistrySnapshot>();

/** The same state gives the same snapshot. */
export function snapshotOf(state: State): RegistrySnapshot {
  const known = SNAPSHOTS.get(state);
  if (known !== undefined) return known;
  const { revision, documents, discoveries, pins, versions, secrets, apiKeys, tombstones } = state;
  let list: readonly StoredDocument[] | null = null;
  const snapshot: RegistrySnapshot = {
    revision,
    // Made when somebody asks: most writes are followed by none who reads them all.
    get documents() {
      list ??= KINDS.flatMap((kind) => [...documents[kind].values()]);
      return list;
    },
    find: (kind, name) => documents[kind].get(name),
    discoveries,
    pins,
    versions,
    secrets,
    apiKeys,
    get tombstones() {
      return listOf(tombstones);
    },
  };
  SNAPSHOTS.set(state, snapshot);
  return snapshot;
}

const LISTS = new WeakMap<ReadonlyMap<string, Tombstone>, readonly Tombstone[]>();

/** One list for as long as the map is one. */
function listOf(map: ReadonlyMap<string, Tombstone>): readonly Tombstone[] {
  const known = LISTS.get(map) ?? [...map.values()];
  LISTS.set(map, known);
  return known;
}
