// Decides what the ledger forgets, and when.
import { LIMITS } from '../../core/limits.ts';
import type { Writer } from '../registry/tables.ts';
import { approvalOf } from './rows.ts';
import type { StoredApproval } from './types.ts';

export interface Swept {
  /** They were not used in time. */
  readonly expired: readonly StoredApproval[];
  /** Services that were not heard of for long. */
  readonly writers: readonly string[];
}

export async function sweepRows(trx: Writer, nowMs: number): Promise<Swept> {
  await trx.deleteFrom('ledger_labels').where('until_ms', '<=', nowMs).execute();
  await trx.deleteFrom('ledger_counts').where('over_ms', '<=', nowMs).execute();
  const rows = await trx
    .updateTable('approvals')
    .set({ state: 'expired' })
    .where('state', 'in', ['pending', 'approved'])
    .where('expires_ms', '<=', nowMs)
    .returningAll()
    .execute();
  await trx
    .deleteFrom('approvals')
    .where('expires_ms', '<=', nowMs - LIMITS.approvalRetentionMs)
    .execute();
  const gone = await trx
    .deleteFrom('ledger_writers')
    .where((row) =>
      row.or([
        row('seen_ms', '<=', nowMs - LIMITS.ledgerWriterTtlMs),
        row(
          'writer',
          'not in',
          trx.selectFrom('ledger_writers').select('writer').orderBy('seen_ms', 'desc').limit(LIMITS.ledgerWritersMax),
        ),
      ]),
    )
    .returning('writer')
    .execute();
  await sweepDecisions(trx, nowMs);
  return { expired: rows.map(approvalOf), writers: gone.map(({ writer }) => writer) };
}

/** By age and by number, the oldest first; a few at a time, as nobody writes meanwhile. */
async function sweepDecisions(trx: Writer, nowMs: number): Promise<void> {
  const newest = await trx.selectFrom('decisions').select('sequence').orderBy('sequence', 'desc').executeTakeFirst();
  if (newest === undefined) return;
  const oldest = await trx
    .selectFrom('decisions')
    .select('sequence')
    .orderBy('sequence')
    .limit(1)
    .executeTakeFirstOrThrow();
  const upTo = Math.min(newest.sequence - LIMITS.recordsMax, oldest.sequence + LIMITS.recordsSweptMax);
  if (upTo >= oldest.sequence) await trx.deleteFrom('decisions').where('sequence', '<=', upTo).execute();
  await trx
    .deleteFrom('decisions')
    .where('at_ms', '<', nowMs - LIMITS.recordRetentionMs)
    .where('sequence', '<=', oldest.sequence + LIMITS.recordsSweptMax)
    .execute();
}
