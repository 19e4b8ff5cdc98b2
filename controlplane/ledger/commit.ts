// Decides what becomes of the writes of services: stored within their bounds, each once, or refused.
import { overMs } from '../../core/ledger-client/windows.ts';
import type { CountMessage, LabelsMessage } from '../../core/ledger-client/wire.ts';
import { LIMITS } from '../../core/limits.ts';
import type { NewApproval } from '../../core/policy/ledger.ts';
import { inBatches } from '../registry/batches.ts';
import type { CountRow, Writer } from '../registry/tables.ts';
import { findApproval, rowOf } from './rows.ts';
import { countId, isActive, type LedgerState } from './state.ts';
import type { Answer, Changes, LedgerWrite, NamedWrite, StoredApproval } from './types.ts';

export interface Desk {
  /** As it is stored before these writes. */
  readonly state: LedgerState;
  readonly nowMs: number;
  readonly newId: () => string;
}

/** What is to be stored, and known when it is. */
interface Draft {
  /** Holder → label → until. */
  readonly labels: Map<string, Map<string, number>>;
  labelsNew: number;
  /** What is added, by `countId`. */
  readonly counts: Map<string, CountMessage>;
  readonly approvals: Map<string, StoredApproval>;
  readonly activeByHash: Map<string, StoredApproval>;
  readonly writers: Map<string, number>;
}

export interface Committed {
  /** One for each write, in their order. */
  readonly answers: readonly Answer[];
  readonly changes: Omit<Changes, 'countsFull'>;
  readonly writers: ReadonlyMap<string, number>;
}

/** In one transaction; the state in memory is changed by the caller, when it is committed. */
export async function commit(trx: Writer, writes: readonly NamedWrite[], desk: Desk): Promise<Committed> {
  const draft: Draft = {
    labels: new Map(),
    labelsNew: 0,
    counts: new Map(),
    approvals: new Map(),
    activeByHash: new Map(),
    writers: new Map(),
  };
  const answers: Answer[] = [];
  for (const named of writes) {
    const { writer, sequence, write } = named;
    const known = draft.writers.get(writer) ?? desk.state.writers.get(writer) ?? 0;
    const repeated = sequence <= known;
    if (!repeated) draft.writers.set(writer, sequence);
    answers.push({ sequence, ...(await answerTo(trx, write, nameOf(named), repeated, draft, desk)) });
  }
  const counts = await storeCounts(trx, draft);
  await storeLabels(trx, draft);
  await storeWriters(trx, draft, desk.nowMs);
  const labels = [...draft.labels].flatMap(([holder, found]): LabelsMessage[] =>
    [...found].map(([label, untilMs]) => ({ holder, labels: [label], untilMs })),
  );
  return { answers, changes: { labels, counts, approvals: [...draft.approvals.values()] }, writers: draft.writers };
}

function nameOf({ writer, sequence }: NamedWrite): string {
  return `${writer} ${sequence}`;
}

/** What was stored before is answered as then: the service did not hear of it. */
async function answerTo(
  trx: Writer,
  write: LedgerWrite,
  name: string,
  repeated: boolean,
  draft: Draft,
  desk: Desk,
): Promise<Omit<Answer, 'sequence'>> {
  if (write.kind === 'labels') return { done: leave(write.labels, draft, desk) };
  if (write.kind === 'counts') {
    if (!repeated) for (const count of write.counts) add(count, draft);
    return { done: true };
  }
  if (write.kind === 'approval') {
    const approval = await request(trx, write.approval, draft, desk);
    return approval === null ? { done: false } : { done: true, approval };
  }
  if (write.kind === 'use') return { done: await use(trx, write.id, name, repeated, draft, desk) };
  return { done: false };
}

/** All of them, or none. To leave one twice is to leave it once. */
function leave({ holder, labels, untilMs }: LabelsMessage, draft: Draft, { state }: Desk): boolean {
  const stored = state.labels.get(holder);
  const drafted = draft.labels.get(holder);
  const untilOf = (label: string): number | undefined => {
    const known = Math.max(stored?.get(label) ?? -1, drafted?.get(label) ?? -1);
    return known < 0 ? undefined : known;
  };
  const fresh = new Set(labels.filter((label) => untilOf(label) === undefined));
  const had = new Set([...(stored?.keys() ?? []), ...(drafted?.keys() ?? [])]).size;
  if (had + fresh.size > LIMITS.ledgerLabelsPerHolderMax) return false;
  if (state.labelCount + draft.labelsNew + fresh.size > LIMITS.ledgerLabelsMax) return false;
  const later = labels.filter((label) => (untilOf(label) ?? -1) < untilMs);
  if (later.length === 0) return true;
  draft.labelsNew += fresh.size;
  const found = drafted ?? new Map<string, number>();
  for (const label of later) found.set(label, untilMs);
  draft.labels.set(holder, found);
  return true;
}

function add(count: CountMessage, draft: Draft): void {
  const id = countId(count);
  const known = draft.counts.get(id);
  draft.counts.set(id, known === undefined ? count : { ...known, amount: known.amount + count.amount });
}

/** The one that is there, or a new one; null at the bounds. */
async function request(
  trx: Writer,
  asked: NewApproval,
  draft: Draft,
  { state, nowMs, newId }: Desk,
): Promise<StoredApproval | null> {
  const known = draft.activeByHash.get(asked.hash) ?? state.activeFor(asked.hash, nowMs);
  const newest = known === undefined ? undefined : (draft.approvals.get(known.id) ?? known);
  if (newest !== undefined && isActive(newest, nowMs)) return newest;
  const open = [...state.approvals.values(), ...draft.activeByHash.values()].filter((one) => isActive(one, nowMs));
  const own = open.filter(({ issuer, subject }) => issuer === asked.issuer && subject === asked.subject);
  if (open.length >= LIMITS.ledgerApprovalsMax || own.length >= LIMITS.ledgerApprovalsPerCallerMax) return null;
  const approval: StoredApproval = {
    ...asked,
    id: newId(),
    state: 'pending',
    requestedAtMs: nowMs,
    expiresAtMs: Math.min(
      nowMs + LIMITS.approvalWithinMaxMs,
      nowMs + Math.max(0, asked.expiresAtMs - asked.requestedAtMs),
    ),
    decidedBy: null,
    decidedAtMs: null,
    decidedWhy: null,
    usedAtMs: null,
    usedBy: null,
  };
  await trx.insertInto('approvals').values(rowOf(approval)).execute();
  draft.approvals.set(approval.id, approval);
  draft.activeByHash.set(approval.hash, approval);
  return approval;
}

/** The database decides, so that it is one call whoever else writes. */
async function use(
  trx: Writer,
  id: string,
  name: string,
  repeated: boolean,
  draft: Draft,
  { nowMs }: Desk,
): Promise<boolean> {
  if (!repeated) {
    const { numUpdatedRows } = await trx
      .updateTable('approvals')
      .set({ state: 'used', used_ms: nowMs, used_by: name })
      .where('id', '=', id)
      .where('state', '=', 'approved')
      .where('expires_ms', '>', nowMs)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
  }
  const approval = await findApproval(trx, id);
  if (approval?.usedBy !== name) return false;
  draft.approvals.set(id, approval);
  return true;
}

/** The sums afterwards. */
async function storeCounts(trx: Writer, { counts }: Draft): Promise<CountMessage[]> {
  const rows = [...counts.values()].map(
    ({ key, part, windowMs, amount }): CountRow => ({
      key,
      part,
      window_ms: windowMs,
      amount,
      over_ms: overMs(part, windowMs),
    }),
  );
  const sums: CountMessage[] = [];
  await inBatches(rows, async (batch) => {
    const stored = await trx
      .insertInto('ledger_counts')
      .values(batch)
      .onConflict((conflict) =>
        conflict
          .columns(['key', 'part'])
          .doUpdateSet((row) => ({ amount: row('ledger_counts.amount', '+', row.ref('excluded.amount')) })),
      )
      .returning(['key', 'part', 'window_ms', 'amount'])
      .execute();
    for (const { key, part, window_ms, amount } of stored) sums.push({ key, part, windowMs: window_ms, amount });
  });
  return sums;
}

async function storeLabels(trx: Writer, { labels }: Draft): Promise<void> {
  const rows = [...labels].flatMap(([holder, found]) =>
    [...found].map(([label, untilMs]) => ({ holder, label, until_ms: untilMs })),
  );
  await inBatches(rows, (batch) =>
    trx
      .insertInto('ledger_labels')
      .values(batch)
      .onConflict((conflict) =>
        conflict.columns(['holder', 'label']).doUpdateSet((row) => ({
          until_ms: row.fn<number>('max', ['ledger_labels.until_ms', 'excluded.until_ms']),
        })),
      )
      .execute(),
  );
}

async function storeWriters(trx: Writer, { writers }: Draft, nowMs: number): Promise<void> {
  const rows = [...writers].map(([writer, sequence]) => ({ writer, sequence, seen_ms: nowMs }));
  await inBatches(rows, (batch) =>
    trx
      .insertInto('ledger_writers')
      .values(batch)
      .onConflict((conflict) =>
        conflict
          .column('writer')
          .doUpdateSet((row) => ({ sequence: row.ref('excluded.sequence'), seen_ms: row.ref('excluded.seen_ms') })),
      )
      .execute(),
  );
}
