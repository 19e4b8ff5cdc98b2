// Decides how a registry is kept as it was, before its tables are changed.
import { closeSync, constants, fsyncSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sql } from 'kysely';
import { LIMITS } from '../../core/limits.ts';
import type { Database } from './tables.ts';

/** Makes `<path>.backup-schema<N>-<time>`, mode 0600, and resolves to its path. */
export async function backUp(db: Database, path: string, schema: number, nowMs: number): Promise<string> {
  const backup = `${path}${MARK}${schema}-${new Date(nowMs).toISOString().replaceAll(/[-:]/g, '')}`;
  // SQLite takes an empty file, and leaves its mode as it is.
  closeSync(openSync(backup, 'wx', 0o600));
  try {
    await sql`vacuum into ${backup}`.execute(db);
    sync(backup, constants.O_RDWR);
    sync(dirname(path), constants.O_RDONLY);
  } catch (error) {
    rmSync(backup, { force: true });
    throw error;
  }
  return backup;
}

/** The newest stay. */
export function dropOldBackups(path: string): void {
  const folder = dirname(path);
  const backups = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}${MARK}`));
  const time = (name: string): string => name.slice(name.lastIndexOf('-'));
  backups.sort((a, b) => (time(a) < time(b) ? 1 : -1));
  for (const name of backups.slice(LIMITS.registryBackupsMax)) rmSync(join(folder, name), { force: true });
}

const MARK = '.backup-schema';

function sync(path: string, flags: number): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
