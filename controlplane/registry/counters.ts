// Decides how the registry counts: the revision with what the catalog is made of, the writes with everything.
import type { Database, Writer } from './tables.ts';

export interface Counters {
  readonly revision: number;
  readonly writes: number;
}

const NAMES = ['revision', 'writes'] as const;

export async function readCounters(db: Database | Writer): Promise<Counters> {
  const rows = await db.selectFrom('meta').select(['key', 'value']).where('key', 'in', NAMES).execute();
  const found = new Map(rows.map(({ key, value }) => [key, value]));
  return { revision: found.get('revision') ?? 0, writes: found.get('writes') ?? 0 };
}

/** In the very transaction that writes what they count. */
export async function writeCounters(trx: Writer, before: Counters, after: Counters): Promise<void> {
  for (const key of NAMES) {
    if (before[key] === after[key]) continue;
    await trx.updateTable('meta').set({ value: after[key] }).where('key', '=', key).execute();
  }
}
