// Decides how records of decisions are kept and found again.
import { type DecisionRecord, outcomeOf } from '../../core/ledger-client/decision-record.ts';
import { inBatches } from '../registry/batches.ts';
import type { Beside, Database } from '../registry/tables.ts';
import type { LedgerMetrics } from './metrics.ts';

export interface StoredDecision {
  /** Grows by one with each. */
  readonly sequence: number;
  readonly record: DecisionRecord;
}

export interface DecisionQuery {
  readonly surface?: string;
  readonly subject?: string;
  /** `server/name`. */
  readonly target?: string;
  readonly outcome?: string;
  readonly since?: Since;
  /** Only those before this sequence. */
  readonly before?: number;
  readonly limit: number;
}

/** From a time on, and the first record of then: to look for it once is enough for many pages. */
export interface Since {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly sequence: number;
}

export async function sinceTime(db: Database, atMs: number): Promise<Since> {
  const { first } = await db
    .selectFrom('decisions')
    .select((row) => row.fn.min('sequence').as('first'))
    .where('at_ms', '>=', atMs)
    .executeTakeFirstOrThrow();
  return { atMs, sequence: Number(first ?? Number.MAX_SAFE_INTEGER) };
}

/** Newest first. */
export async function listDecisions(db: Database, asked: DecisionQuery): Promise<readonly StoredDecision[]> {
  const { surface, subject, target, outcome, since, before, limit } = asked;
  let query = db.selectFrom('decisions').select(['sequence', 'json']);
  if (surface !== undefined) query = query.where('surface', '=', surface);
  if (subject !== undefined) query = query.where('subject', '=', subject);
  if (target !== undefined) query = query.where('target', '=', target);
  if (outcome !== undefined) query = query.where('outcome', '=', outcome);
  if (since !== undefined) query = query.where('sequence', '>=', since.sequence).where('at_ms', '>=', since.atMs);
  if (before !== undefined) query = query.where('sequence', '<', before);
  const rows = await query.orderBy('sequence', 'desc').limit(limit).execute();
  // They were checked when they came.
  return rows.map(({ sequence, json }) => ({ sequence, record: JSON.parse(json) as DecisionRecord }));
}

/** Resolves when they are stored; one whose id is known is not stored again. @throws RegistryError */
export async function storeDecisions(
  beside: Beside,
  records: readonly DecisionRecord[],
  metrics: LedgerMetrics,
): Promise<void> {
  if (records.length === 0) return;
  const rows = records.map((record) => ({
    id: record.id,
    at_ms: record.atMs,
    surface: record.surface,
    subject: record.subject,
    target: targetOf(record),
    outcome: outcomeOf(record),
    json: JSON.stringify(record),
  }));
  const known = new Set<string>();
  await beside.write(async (trx) => {
    await inBatches(rows, async (batch) => {
      const stored = await trx
        .insertInto('decisions')
        .values(batch)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .returning('id')
        .execute();
      for (const { id } of stored) known.add(id);
    });
  });
  for (const record of records) {
    if (!known.has(record.id)) continue;
    metrics.decided(record.surface, outcomeOf(record));
    if (record.shadow !== null) metrics.shadowDiffered(record.surface, record.shadow.allowed);
  }
}

export function targetOf({ server, name }: Pick<DecisionRecord, 'server' | 'name'>): string {
  return `${server}/${name}`;
}
