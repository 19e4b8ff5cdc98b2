// Decides how the revision counts: it grows by one in the very transaction that changes what the catalog is made of.
import type { Database, Writer } from './tables.ts';

export async function readRevision(db: Database | Writer): Promise<number> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'revision').executeTakeFirstOrThrow();
  return row.value;
}

export async function nextRevision(trx: Writer): Promise<number> {
  await trx
    .updateTable('meta')
    .set((column) => ({ value: column('value', '+', 1) }))
    .where('key', '=', 'revision')
    .execute();
  return readRevision(trx);
}
