// Decides how the registry uses SQLite: its file, its pragmas, and transactions that are writers from their beginning.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { CompiledQuery, type DatabaseConnection, Kysely, SqliteDialect, SqliteDriver } from 'kysely';
import { LIMITS } from '../../core/limits.ts';
import { RegistryError } from './error.ts';
import type { Database, Tables } from './tables.ts';

/**
 * "If some other database connection has already modified the database [since a read transaction began], the upgrade to
 * a write transaction fails with SQLITE_BUSY" (SQLite, "Transaction"), whatever the busy timeout: so they begin as writers.
 */
class ImmediateDriver extends SqliteDriver {
  readonly #sqlite: Sqlite.Database;

  constructor(sqlite: Sqlite.Database) {
    super({ database: sqlite });
    this.#sqlite = sqlite;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const begin = CompiledQuery.raw('begin immediate');
    // SQLite would wait too, but with the whole process: nobody would be served while another one holds the lock.
    let pauseMs = 1;
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      try {
        await connection.executeQuery(begin);
        return;
      } catch (error) {
        if (!isBusy(error) || waitedMs >= LIMITS.registryBusyMs) throw error;
      }
      pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS);
      await setTimeout(pauseMs);
    }
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // A full disk or an I/O error has rolled it back already; a second rollback would hide that error behind its own.
    if (this.#sqlite.inTransaction) await super.rollbackTransaction(connection);
  }
}

const PAUSE_MAX_MS = 50;
/** Of any other statement; with the whole process, so it is short. */
const BUSY_MS = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

class ImmediateDialect extends SqliteDialect {
  readonly #sqlite: Sqlite.Database;

  constructor(sqlite: Sqlite.Database) {
    super({ database: sqlite });
    this.#sqlite = sqlite;
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#sqlite);
  }
}

export interface OpenSqlite {
  readonly db: Database;
  /** At once: Kysely's own `destroy` leaves a connection open that was never used. */
  readonly close: () => void;
}

/**
 * Opens or creates the file, mode 0600: documents may hold what others must not read.
 * @throws RegistryError, or an error with a code of SQLite or the file system.
 */
export function openSqlite(path: string): OpenSqlite {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite gives its -wal and -shm files the mode of the database.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const sqlite = new Sqlite(path, { timeout: LIMITS.registryBusyMs });
  try {
    sqlite.pragma('journal_mode = WAL');
    // With NORMAL a power cut may lose the last acknowledged writes of a WAL database.
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    const verdict = sqlite.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') {
      throw new RegistryError(
        `the registry ${path} is damaged: restore a backup, or move it away to start with an empty registry (${String(verdict)})`,
      );
    }
    // From here on only the beginning of a write meets a lock, and that one waits by itself.
    sqlite.pragma(`busy_timeout = ${BUSY_MS}`);
    const db = new Kysely<Tables>({ dialect: new ImmediateDialect(sqlite) });
    return { db, close: () => sqlite.close() };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}
