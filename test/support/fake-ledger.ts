// Decides how a ledger behaves that stands alone: everything is stored at once, in memory.
import type { Approval, Ledger, NewApproval } from '../../core/policy/ledger.ts';

export interface FakeLedger extends Ledger {
  /** As a person decides. */
  decide(id: string, state: 'approved' | 'denied'): void;
  readonly approvals: Map<string, Approval>;
  /** Nothing can be stored from now on. */
  broken: boolean;
}

export function fakeLedger(): FakeLedger {
  const left = new Map<string, Set<string>>();
  const approvals = new Map<string, Approval>();
  const counted = new Map<string, number>();
  const listeners = new Set<(approval: Approval) => void>();
  const ledger: FakeLedger = {
    broken: false,
    approvals,
    ready: () => !ledger.broken,
    labels: (holder) => [...(left.get(holder) ?? [])],
    leave(holder, labels) {
      if (ledger.broken) return Promise.resolve(false);
      left.set(holder, new Set([...(left.get(holder) ?? []), ...labels]));
      return Promise.resolve(true);
    },
    take(takes) {
      const over = takes.find(({ key, amount, limit }) => (counted.get(key) ?? 0) + amount > limit);
      if (over !== undefined) return { ok: false, key: over.key, retryAfterMs: over.windowMs };
      for (const { key, amount } of takes) counted.set(key, (counted.get(key) ?? 0) + amount);
      return { ok: true };
    },
    add(takes) {
      for (const { key, amount } of takes) counted.set(key, (counted.get(key) ?? 0) + amount);
    },
    approval: (hash) => [...approvals.values()].find((one) => one.hash === hash && one.state !== 'used') ?? null,
    approvalById: (id) => approvals.get(id) ?? null,
    request(asked: NewApproval) {
      if (ledger.broken) return Promise.resolve(null);
      const approval: Approval = { ...asked, id: `a${approvals.size + 1}`, state: 'pending', decidedBy: null };
      approvals.set(approval.id, approval);
      return Promise.resolve(approval);
    },
    use(id) {
      const approval = approvals.get(id);
      if (ledger.broken || approval?.state !== 'approved') return Promise.resolve(false);
      approvals.set(id, { ...approval, state: 'used' });
      return Promise.resolve(true);
    },
    decide(id, state) {
      const approval = { ...approvals.get(id)!, state, decidedBy: 'approver' };
      approvals.set(id, approval);
      for (const listener of listeners) listener(approval);
    },
    onDecided(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return ledger;
}
