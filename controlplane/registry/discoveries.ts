// Decides how the registry remembers what was read from a server version, and what went wrong since.
import type { Discovered } from '../../core/catalog/catalog.ts';
import { type Pinning, pinningOf } from '../../core/catalog/documents/server.ts';
import { LIFECYCLE } from '../../core/catalog/lifecycle.ts';
import { parseExact } from '../../core/json.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import type { ServerPins, ToolChange } from '../pinning/types.ts';
import { changedMap } from './changed-map.ts';
import { savePins } from './pins.ts';
import { advanced, type State, versionKey } from './state.ts';
import type { Written } from './store.ts';
import type { DiscoveryRow, Writer } from './tables.ts';

export interface StoredDiscovery {
  /** The last good reading; a later failure does not remove it. The same object for as long as its hash is the same. */
  readonly discovered: Discovered | null;
  readonly readAtMs: number | null;
  /** Why the latest attempt failed; null when it did not. */
  readonly error: string | null;
  readonly errorAtMs: number | null;
}

export type DiscoveryOutcome =
  | { readonly ok: true; readonly discovered: Discovered }
  | { readonly ok: false; readonly error: string };

export interface SavedDiscovery {
  /** Whether what is known of the server is another than before: only then is there anything to publish. */
  readonly changed: boolean;
  readonly revision: number;
}

/** What one attempt to read a server version found. */
export interface Finding {
  readonly server: string;
  readonly version: string;
  readonly outcome: DiscoveryOutcome;
  readonly nowMs: number;
  /** See `schemaProblems`. */
  readonly problems?: ReadonlyMap<string, string | null>;
}

export interface Saved extends SavedDiscovery {
  /** Changes of tools that wait since now. */
  readonly waiting: readonly ToolChange[];
}

/**
 * Several in one write and one new state, as each state is a copy of what is known of all servers. A finding for a version
 * that is no longer registered, or not reached any more, is dropped.
 */
export async function saveDiscoveries(
  trx: Writer,
  state: State,
  findings: readonly Finding[],
): Promise<Written<readonly Saved[]>> {
  const saved = new Map<string, StoredDiscovery>();
  const pinned = new Map<string, ServerPins>();
  const waiting: (readonly ToolChange[])[] = [];
  const changed: boolean[] = [];
  for (const finding of findings) {
    const key = versionKey(finding.server, finding.version);
    const status = state.versions.get(key);
    if (status === undefined || !LIFECYCLE[status.state].reached) {
      changed.push(false);
      waiting.push([]);
      continue;
    }
    const earlier = saved.get(key) ?? state.discoveries.get(key);
    const stored = await save(trx, finding, earlier);
    saved.set(key, stored);
    const pins = pinned.get(key) ?? state.pins.get(key);
    const repinned = await savePins(trx, finding, {
      ...{ pins, rules: rulesOf(state, finding.server) },
      ...{ before: earlier?.discovered ?? null, after: stored.discovered },
    });
    if (repinned.pins !== undefined) pinned.set(key, repinned.pins);
    waiting.push(repinned.waiting);
    changed.push(stored.discovered !== (earlier?.discovered ?? null) || repinned.changed);
  }
  const revision = changed.includes(true) ? state.revision + 1 : state.revision;
  const value = changed.map((each, index) => ({ changed: each, revision, waiting: waiting[index]! }));
  if (saved.size === 0) return { value, next: null };
  const discoveries = changedMap(state.discoveries, saved);
  return { value, next: advanced(state, { revision, discoveries, pins: changedMap(state.pins, pinned) }) };
}

export function rulesOf({ documents }: Pick<State, 'documents'>, server: string): Pinning {
  const document = documents.Server.get(server)?.document;
  return pinningOf(document?.kind === 'Server' ? document : {});
}

async function save(
  trx: Writer,
  { server, version, outcome, nowMs }: Finding,
  earlier: StoredDiscovery | undefined,
): Promise<StoredDiscovery> {
  const changed = outcome.ok && outcome.discovered.hash !== earlier?.discovered?.hash;
  const times = outcome.ok
    ? { read_at_ms: nowMs, error: null, error_at_ms: null }
    : { error: outcome.error, error_at_ms: nowMs };
  // What is there already need not be written again, which is most of the bytes.
  const content = changed ? { json: canonicalJson(outcome.discovered), hash: outcome.discovered.hash } : {};
  await trx
    .insertInto('discoveries')
    .values({ server, version, json: null, hash: null, read_at_ms: null, ...content, ...times })
    .onConflict((conflict) => conflict.columns(['server', 'version']).doUpdateSet({ ...content, ...times }))
    .execute();
  return {
    discovered: changed ? shareLists(outcome.discovered) : (earlier?.discovered ?? null),
    readAtMs: outcome.ok ? nowMs : (earlier?.readAtMs ?? null),
    error: times.error,
    errorAtMs: times.error_at_ms,
  };
}

/** @param known what is the same in it stays the same object. */
export function discoveryOf(row: DiscoveryRow, known?: StoredDiscovery): StoredDiscovery {
  const sameContent = known !== undefined && (known.discovered?.hash ?? null) === row.hash;
  if (
    sameContent &&
    known.readAtMs === row.read_at_ms &&
    known.error === row.error &&
    known.errorAtMs === row.error_at_ms
  )
    return known;
  const read = (): Discovered | null => (row.json === null ? null : shareLists(parseExact(row.json) as Discovered));
  return {
    discovered: sameContent ? known.discovered : read(),
    readAtMs: row.read_at_ms,
    error: row.error,
    errorAtMs: row.error_at_ms,
  };
}

const LISTS = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const;

/** Lists that are equal for every client are one array again, so that their index is made once. */
function shareLists(discovered: Discovered): Discovered {
  const shared: Partial<Record<(typeof LISTS)[number], Discovered['tools']>> = {};
  for (const list of LISTS) {
    const { bare, full } = discovered[list];
    shared[list] = JSON.stringify(bare) === JSON.stringify(full) ? { bare, full: bare } : discovered[list];
  }
  return { ...discovered, ...shared };
}
