// Decides how long the registry remembers that a session was ended.
import type { Tombstone } from '../../core/catalog/catalog.ts';
import { inBatches } from './batches.ts';
import { changedMap } from './changed-map.ts';
import { advanced, type State } from './state.ts';
import type { Written } from './store.ts';
import type { Writer } from './tables.ts';

/** Keeps the later end when one is known already. Those that were new. */
export async function saveTombstones(
  trx: Writer,
  state: State,
  tombstones: readonly Tombstone[],
  nowMs: number,
): Promise<Written<readonly Tombstone[]>> {
  const added = new Map<string, Tombstone>();
  for (const tombstone of tombstones) {
    const { tokenId, expiresAtMs } = tombstone;
    const known = added.get(tokenId) ?? state.tombstones.get(tokenId);
    if (expiresAtMs > Math.max(nowMs, known?.expiresAtMs ?? 0)) added.set(tokenId, { tokenId, expiresAtMs });
  }
  if (added.size === 0) return { value: [], next: null };
  const value = [...added.values()];
  await inBatches(value, (batch) =>
    trx
      .insertInto('tombstones')
      .values(batch.map(({ tokenId, expiresAtMs }) => ({ token_id: tokenId, expires_at_ms: expiresAtMs })))
      .onConflict((conflict) =>
        conflict.column('token_id').doUpdateSet((row) => ({ expires_at_ms: row.ref('excluded.expires_at_ms') })),
      )
      .execute(),
  );
  return { value, next: advanced(state, { tombstones: changedMap(state.tombstones, added) }) };
}

/** null when none has expired. */
export async function dropTombstones(trx: Writer, state: State, nowMs: number): Promise<State['tombstones'] | null> {
  const expired = [...state.tombstones.values()].filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
  if (expired.length === 0) return null;
  await trx.deleteFrom('tombstones').where('expires_at_ms', '<=', nowMs).execute();
  return changedMap(
    state.tombstones,
    expired.map(({ tokenId }) => [tokenId, null]),
  );
}
