// Decides how approvals and what counts now are read from the database.
import type { CountMessage, LabelsMessage } from '../../core/ledger-client/wire.ts';
import type { Approval, ApprovalState } from '../../core/policy/ledger.ts';
import type { ApprovalRow, Database, Writer } from '../registry/tables.ts';
import { LedgerState } from './state.ts';
import type { ApprovalQuery, StoredApproval } from './types.ts';

export function approvalOf(row: ApprovalRow): StoredApproval {
  return {
    id: row.id,
    hash: row.hash,
    state: row.state as ApprovalState,
    surface: row.surface,
    issuer: row.issuer,
    subject: row.subject,
    target: row.target,
    rule: row.rule,
    reason: row.reason,
    by: JSON.parse(row.deciders) as Approval['by'],
    shown: row.shown,
    requestedAtMs: row.requested_ms,
    expiresAtMs: row.expires_ms,
    decidedBy: row.decided_by,
    decidedAtMs: row.decided_ms,
    decidedWhy: row.decided_why,
    usedAtMs: row.used_ms,
    usedBy: row.used_by,
  };
}

export function rowOf(approval: StoredApproval): ApprovalRow {
  return {
    id: approval.id,
    hash: approval.hash,
    state: approval.state,
    surface: approval.surface,
    issuer: approval.issuer,
    subject: approval.subject,
    target: approval.target,
    rule: approval.rule,
    reason: approval.reason,
    deciders: JSON.stringify(approval.by),
    shown: approval.shown,
    requested_ms: approval.requestedAtMs,
    expires_ms: approval.expiresAtMs,
    decided_by: approval.decidedBy,
    decided_ms: approval.decidedAtMs,
    decided_why: approval.decidedWhy,
    used_ms: approval.usedAtMs,
    used_by: approval.usedBy,
  };
}

/** One that is over too, for as long as it is kept. */
export async function findApproval(db: Database | Writer, id: string): Promise<StoredApproval | null> {
  const row = await db.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : approvalOf(row);
}

/** Newest first. */
export async function listApprovals(
  db: Database,
  { state, surface, before, limit }: ApprovalQuery,
): Promise<readonly StoredApproval[]> {
  let query = db.selectFrom('approvals').selectAll();
  if (state !== undefined) query = query.where('state', '=', state);
  if (surface !== undefined) query = query.where('surface', '=', surface);
  if (before !== undefined) {
    const { requestedAtMs, id } = before;
    query = query.where((row) =>
      row.or([
        row('requested_ms', '<', requestedAtMs),
        row.and([row('requested_ms', '=', requestedAtMs), row('id', '<', id)]),
      ]),
    );
  }
  const rows = await query.orderBy('requested_ms', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map(approvalOf);
}

/** What counts at this time. */
export async function loadLedger(db: Database, nowMs: number): Promise<LedgerState> {
  const state = new LedgerState();
  const labels = await db.selectFrom('ledger_labels').selectAll().where('until_ms', '>', nowMs).execute();
  const counts = await db.selectFrom('ledger_counts').selectAll().where('over_ms', '>', nowMs).execute();
  const approvals = await db.selectFrom('approvals').selectAll().where('expires_ms', '>', nowMs).execute();
  const writers = await db.selectFrom('ledger_writers').selectAll().execute();
  state.apply({
    labels: labels.map(
      ({ holder, label, until_ms }): LabelsMessage => ({ holder, labels: [label], untilMs: until_ms }),
    ),
    counts: counts.map(
      ({ key, part, window_ms, amount }): CountMessage => ({ key, part, windowMs: window_ms, amount }),
    ),
    // The oldest first: of several for one call the newest counts.
    approvals: approvals.map(approvalOf).sort((a, b) => a.requestedAtMs - b.requestedAtMs),
  });
  for (const { writer, sequence } of writers) state.writers.set(writer, sequence);
  return state;
}
