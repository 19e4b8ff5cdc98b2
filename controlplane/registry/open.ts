// Decides what a database must be for the registry to open: one of ours, of this version or an earlier one, of this key.
import { rmSync } from 'node:fs';
import type { Logger } from '../../core/runtime/log.ts';
import { backUp, dropOldBackups } from './backup.ts';
import { asRegistryError, RegistryError } from './error.ts';
import { loadState, type Source } from './load.ts';
import { migrate, SCHEMA_VERSION, schemaVersion } from './migrations.ts';
import { openSqlite } from './sqlite.ts';
import type { State } from './state.ts';
import type { StoreOptions } from './store.ts';
import type { Writer } from './tables.ts';

interface Opening extends Source {
  readonly now: () => number;
  readonly log: Logger;
}

/** @throws RegistryError with one sentence for the operator; then the database is as it was. */
export async function openDatabase({ path, seal, now, log }: Opening): Promise<StoreOptions> {
  let opened: ReturnType<typeof openSqlite> | undefined;
  let backup: string | undefined;
  try {
    opened = openSqlite(path);
    const { db, close } = opened;
    const found = await schemaVersion(db, path);
    if (found > 0 && found < SCHEMA_VERSION) backup = await backUp(db, path, found, now());
    // Read in the transaction that migrates: when what comes of it cannot be used, it did not happen.
    const state = await db.transaction().execute(async (trx): Promise<State> => {
      await checkKey(trx, { path, seal }, await migrate(trx, path));
      return loadState(trx, { path, seal });
    });
    if (backup !== undefined) {
      dropOldBackups(path);
      log.warn(
        { path, backup, from: found, to: SCHEMA_VERSION },
        'the registry has new tables, and a backup beside it',
      );
    }
    return { db, close, path, seal, state };
  } catch (error) {
    opened?.close();
    if (backup !== undefined) rmSync(backup, { force: true });
    throw asRegistryError(path, error);
  }
}

const KEY_CHECK = 'key_check';
/** The first schema with secrets. */
const KEYED_SCHEMA = 2;

/** @param found the schema before the migration: an earlier one has no secrets, so it takes on any key. */
async function checkKey(trx: Writer, { path, seal }: Source, found: number): Promise<void> {
  if (found < KEYED_SCHEMA) {
    await trx.insertInto('meta').values({ key: KEY_CHECK, value: 0, text: seal.check }).execute();
    return;
  }
  const row = await trx.selectFrom('meta').select('text').where('key', '=', KEY_CHECK).executeTakeFirst();
  if (row?.text === seal.check) return;
  throw new RegistryError(
    `the registry ${path} was written with another master key: restore the master.key that belongs to it, or a backup of both`,
  );
}
