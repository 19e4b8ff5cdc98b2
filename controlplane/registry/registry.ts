// Decides what the control plane may ask of its registry, and that every answer is of one revision.
import type { Tombstone } from '../../core/catalog/catalog.ts';
import type { Document, DocumentKind } from '../../core/catalog/document.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { type ApplyOutcome, type ApplyRequest, apply, documentOf, documentOrder } from './apply.ts';
import {
  type DiscoveryOutcome,
  discoveryOf,
  type SavedDiscovery,
  type StoredDiscovery,
  saveDiscovery,
} from './discoveries.ts';
import { asRegistryError } from './error.ts';
import { migrate } from './migrations.ts';
import { readRevision } from './revision.ts';
import { openSqlite } from './sqlite.ts';
import type { Database, ResourceRow } from './tables.ts';
import type { Constraints } from './together.ts';
import { dropExpired, listTombstones, saveTombstones } from './tombstones.ts';

export interface StoredDocument {
  readonly document: Document;
  readonly hash: string;
  readonly revision: number;
  readonly updatedAtMs: number;
}

export interface RegistrySnapshot {
  readonly revision: number;
  /** By kind, in the order of DOCUMENT_KINDS, then by name. */
  readonly documents: readonly StoredDocument[];
  readonly discoveries: readonly StoredDiscovery[];
  /** Those that have not expired. */
  readonly tombstones: readonly Tombstone[];
}

/** Every method rejects with a RegistryError when the database fails. Writes are durable when they resolve. */
export interface Registry {
  /** All documents of a kind, by name. */
  list(kind: DocumentKind): Promise<readonly StoredDocument[]>;
  get(kind: DocumentKind, name: string): Promise<StoredDocument | null>;
  /** All of it or nothing; content that is there already leaves the revision as it is. */
  apply(request: ApplyRequest): Promise<ApplyOutcome>;
  snapshot(): Promise<RegistrySnapshot>;
  discoveries(): Promise<readonly StoredDiscovery[]>;
  saveDiscovery(server: string, version: string, outcome: DiscoveryOutcome): Promise<SavedDiscovery>;
  /** Resolves to those that were not known, and have not expired. */
  saveTombstones(tombstones: readonly Tombstone[]): Promise<readonly Tombstone[]>;
  /** Resolves to the ids of those that were dropped. */
  expireTombstones(): Promise<readonly string[]>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  readonly constraints: Constraints;
}

/** Opens the registry, or creates it. @throws RegistryError with one sentence for the operator. */
export async function openRegistry(path: string, { now, log, constraints }: RegistryOptions): Promise<Registry> {
  const { db, close } = await open(path);
  log.info({ path, revision: await readRevision(db) }, 'the registry is open');
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asRegistryError(path, error);
    }
  };
  return {
    list: (kind) => guard(async () => (await resources(db, kind)).map(stored)),
    get: (kind, name) => guard(async () => (await resources(db, kind, name)).map(stored)[0] ?? null),
    apply: (request) => guard(() => apply(db, request, constraints, now())),
    snapshot: () => guard(() => snapshot(db, now())),
    discoveries: () => guard(async () => (await db.selectFrom('discoveries').selectAll().execute()).map(discoveryOf)),
    saveDiscovery: (server, version, outcome) => guard(() => saveDiscovery(db, server, version, outcome, now())),
    saveTombstones: (tombstones) => guard(() => saveTombstones(db, tombstones, now())),
    expireTombstones: () => guard(() => dropExpired(db, now())),
    // A transaction of its own comes after those that wait for the one connection.
    close: () =>
      guard(async () => {
        await db.transaction().execute(async () => {});
        await db.destroy();
        close();
      }),
  };
}

async function open(path: string): Promise<ReturnType<typeof openSqlite>> {
  let opened: ReturnType<typeof openSqlite> | undefined;
  try {
    opened = openSqlite(path);
    await migrate(opened.db, path);
    return opened;
  } catch (error) {
    opened?.close();
    throw asRegistryError(path, error);
  }
}

async function snapshot(db: Database, nowMs: number): Promise<RegistrySnapshot> {
  return db.transaction().execute(async (trx) => ({
    revision: await readRevision(trx),
    documents: (await trx.selectFrom('resources').selectAll().execute())
      .map(stored)
      .sort((a, b) => documentOrder(a.document, b.document)),
    discoveries: (await trx.selectFrom('discoveries').selectAll().orderBy('server').orderBy('version').execute()).map(
      discoveryOf,
    ),
    tombstones: await listTombstones(trx, nowMs),
  }));
}

function resources(db: Database, kind: DocumentKind, name?: string): Promise<ResourceRow[]> {
  const query = db.selectFrom('resources').selectAll().where('kind', '=', kind).orderBy('name');
  return (name === undefined ? query : query.where('name', '=', name)).execute();
}

function stored(row: ResourceRow): StoredDocument {
  return { document: documentOf(row), hash: row.hash, revision: row.revision, updatedAtMs: row.updated_at_ms };
}
