// Decides how the registry is put together: the database, its state in memory, and what may be asked of them.
import { randomBytes } from 'node:crypto';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { definitionsOf } from '../pinning/definition.ts';
import { schemaProblems } from '../pinning/schema-problems.ts';
import { adminKey, createKey, endExpired, listKeys, revokeKey, touchKeys } from './api-keys.ts';
import { apply } from './apply.ts';
import { readLog } from './change-log.ts';
import { type DiscoveryOutcome, saveDiscoveries } from './discoveries.ts';
import { openDatabase } from './open.ts';
import { knownHashes } from './pins.ts';
import { readDocuments } from './problem.ts';
import { wantedAt } from './rollback.ts';
import { createSeal } from './seal.ts';
import { advanced, snapshotOf, versionKey } from './state.ts';
import { createStore, type Store } from './store.ts';
import type { Constraints } from './together.ts';
import { dropTombstones, saveTombstones } from './tombstones.ts';
import { decideToolChange, readToolChange, readToolChanges, readToolPins } from './tool-changes.ts';
import type { Registry } from './types.ts';

export type { Registry, RegistrySnapshot, StoredDocument } from './types.ts';

export interface RegistryOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  readonly constraints: Constraints;
  /** 32 bytes; what is kept of secrets is sealed with it. */
  readonly registryKey: Buffer;
  readonly random?: (bytes: number) => Buffer;
}

/** Opens the registry, or creates it. @throws RegistryError with one sentence for the operator. */
export async function openRegistry(
  path: string,
  { now, log, constraints, registryKey, random = randomBytes }: RegistryOptions,
): Promise<Registry> {
  const seal = createSeal(registryKey, random);
  const store = createStore(await openDatabase({ path, seal, now, log }));
  await expire(store, now());
  log.info({ path, revision: store.current().revision }, 'the registry is open');
  const discovered = store.gathering(saveDiscoveries);
  /** Closing waits for them, as what they prepare is saved. */
  const preparing = new Set<Promise<unknown>>();
  const prepared = async <T>(work: Promise<T>): Promise<T> => {
    preparing.add(work);
    try {
      return await work;
    } finally {
      preparing.delete(work);
    }
  };
  const desk = () => ({ seal, constraints, nowMs: now() });
  return {
    snapshot: () => snapshotOf(store.current()),
    apply(request) {
      const { documents, deletes = [] } = request;
      // Before the transaction, as it is most of the work.
      const reading = readDocuments(documents);
      const wanted = { ...reading, deletes, documents: documents.length };
      return store.write((trx, state) => apply(trx, state, wanted, request, desk()));
    },
    rollback: (request) =>
      store.write(async (trx, state) =>
        apply(trx, state, await wantedAt(trx, state, request, request.revision), request, desk()),
      ),
    log: (query) => store.read((db) => readLog(db, query)),
    createKey: (key, author) =>
      store.write((trx, state) => createKey(trx, state, key, author, { random, nowMs: now() })),
    revokeKey: (id, author) => store.write((trx, state) => revokeKey(trx, state, id, author, now())),
    keys: () => listKeys(store.current()),
    adminKey: (text) => adminKey(store.current(), text, now()),
    touchKeys: (used) => store.write((trx, state) => touchKeys(trx, state, used)),
    async saveDiscovery(server, version, outcome) {
      const problems = await prepared(problemsIn(store, server, version, outcome));
      const { waiting, ...saved } = await discovered({ server, version, outcome, nowMs: now(), problems });
      if (waiting.length > 0) {
        const changes = waiting
          .slice(0, LIMITS.toolChangesLoggedMax)
          .map(({ id, tool, kind, compatible }) => ({ id, tool, kind, compatible }));
        log.warn({ server, version, count: waiting.length, changes }, 'changes of tools wait: see `tools changes`');
      }
      return saved;
    },
    toolChanges: (query) => store.read((db) => readToolChanges(db, query)),
    toolChange: (id) => store.read((db) => readToolChange(db, id)),
    decideToolChange: (request) => store.write((trx, state) => decideToolChange(trx, state, request, now())),
    toolPins: (query) => store.read((db) => readToolPins(db, query)),
    saveTombstones: (tombstones) => store.write((trx, state) => saveTombstones(trx, state, tombstones, now())),
    expire: () => expire(store, now()),
    beside: {
      write: (work) => store.write(async (trx) => ({ value: await work(trx), next: null })),
      read: (work) => store.read(work),
    },
    async close() {
      await Promise.allSettled(preparing);
      // What was prepared is given to the store by who waited for it: just now.
      await null;
      await store.close();
    },
  };
}

function expire(store: Store, nowMs: number): Promise<boolean> {
  return store.write(async (trx, state) => {
    const keys = await endExpired(trx, state, nowMs);
    const tombstones = await dropTombstones(trx, state, nowMs);
    if (keys === null && tombstones === null) return { value: false, next: null };
    // Tombstones come and go beside the revision; keys are part of it.
    const revision = state.revision + (keys === null ? 0 : 1);
    return {
      value: true,
      next: advanced(state, { ...keys, ...(tombstones === null ? {} : { tombstones }), revision }),
    };
  });
}

const NO_PROBLEMS: ReadonlyMap<string, string | null> = new Map();

/** Of the definitions that were never checked: before the transaction, as others wait for that. */
async function problemsIn(
  store: Store,
  server: string,
  version: string,
  outcome: DiscoveryOutcome,
): Promise<ReadonlyMap<string, string | null>> {
  const { discoveries, pins } = store.current();
  const key = versionKey(server, version);
  const before = discoveries.get(key)?.discovered ?? null;
  if (!outcome.ok || (outcome.discovered.hash === before?.hash && pins.has(key))) return NO_PROBLEMS;
  const known = await store.read((db) => knownHashes(db, server, version));
  const definitions = definitionsOf(outcome.discovered).values();
  const trusted = pins.has(key) || before === null ? [] : definitionsOf(before).values();
  return schemaProblems([...definitions, ...trusted], known);
}
