// Decides how the registry is put together: the database, its state in memory, and what may be asked of them.
import { randomBytes } from 'node:crypto';
import type { Logger } from '../../core/runtime/log.ts';
import { adminKey, createKey, endExpired, listKeys, revokeKey, touchKeys } from './api-keys.ts';
import { apply } from './apply.ts';
import { readLog } from './change-log.ts';
import { saveDiscoveries } from './discoveries.ts';
import { openDatabase } from './open.ts';
import { readDocuments } from './problem.ts';
import { wantedAt } from './rollback.ts';
import { createSeal } from './seal.ts';
import { advanced, snapshotOf } from './state.ts';
import { createStore, type Store } from './store.ts';
import type { Constraints } from './together.ts';
import { dropTombstones, saveTombstones } from './tombstones.ts';
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
    saveDiscovery: (server, version, outcome) => discovered({ server, version, outcome, nowMs: now() }),
    saveTombstones: (tombstones) => store.write((trx, state) => saveTombstones(trx, state, tombstones, now())),
    expire: () => expire(store, now()),
    close: () => store.close(),
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
