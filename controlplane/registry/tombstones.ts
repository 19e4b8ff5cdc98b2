// Decides how long the registry remembers that a session was ended.
import type { Tombstone } from '../../core/catalog/catalog.ts';
import type { Database, Writer } from './tables.ts';

/** Keeps the later end when one is known already. Resolves to those that were new. */
export async function saveTombstones(
  db: Database,
  tombstones: readonly Tombstone[],
  nowMs: number,
): Promise<readonly Tombstone[]> {
  const live = tombstones.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  if (live.length === 0) return [];
  return db.transaction().execute(async (trx) => {
    const added: Tombstone[] = [];
    for (const { tokenId, expiresAtMs } of live) {
      const known = await trx
        .selectFrom('tombstones')
        .select('expires_at_ms')
        .where('token_id', '=', tokenId)
        .executeTakeFirst();
      if (known !== undefined && known.expires_at_ms >= expiresAtMs) continue;
      await trx
        .insertInto('tombstones')
        .values({ token_id: tokenId, expires_at_ms: expiresAtMs })
        .onConflict((conflict) => conflict.column('token_id').doUpdateSet({ expires_at_ms: expiresAtMs }))
        .execute();
      added.push({ tokenId, expiresAtMs });
    }
    return added;
  });
}

export async function dropExpired(db: Database, nowMs: number): Promise<readonly string[]> {
  const rows = await db.deleteFrom('tombstones').where('expires_at_ms', '<=', nowMs).returning('token_id').execute();
  return rows.map((row) => row.token_id);
}

export async function listTombstones(trx: Writer, nowMs: number): Promise<readonly Tombstone[]> {
  const rows = await trx
    .selectFrom('tombstones')
    .selectAll()
    .where('expires_at_ms', '>', nowMs)
    .orderBy('token_id')
    .execute();
  return rows.map((row) => ({ tokenId: row.token_id, expiresAtMs: row.expires_at_ms }));
}
