// Decides what one service knows of labels and approvals: what the control plane said last.
import { LIMITS } from '../limits.ts';
import type { Approval } from '../policy/ledger.ts';
import type { LabelsMessage } from './wire.ts';

export interface Replica {
  /** `holder` is hashed. */
  labels(holder: string, nowMs: number): readonly string[];
  /** Whether all are there until then. */
  hasLabels(holder: string, labels: readonly string[], untilMs: number): boolean;
  approval(hash: string, nowMs: number): Approval | null;
  approvalById(id: string): Approval | null;
  /** One moment. `whole`: nothing else is known. */
  take(labels: readonly LabelsMessage[], approvals: readonly Approval[], whole: boolean): void;
  onDecided(listener: (approval: Approval) => void): () => void;
  sweep(nowMs: number): void;
}

const NONE: readonly string[] = [];

export function createReplica(): Replica {
  /** Holder → label → until. */
  let left = new Map<string, Map<string, number>>();
  let approvals = new Map<string, Approval>();
  const byHash = new Map<string, Approval>();
  const listeners = new Set<(approval: Approval) => void>();

  const keep = (approval: Approval): void => {
    approvals.set(approval.id, approval);
    const known = byHash.get(approval.hash);
    // Of several for one call the newest is the one that counts.
    if (known === undefined || known.id === approval.id || known.requestedAtMs <= approval.requestedAtMs)
      byHash.set(approval.hash, approval);
  };

  return {
    labels(holder, nowMs) {
      const found = left.get(holder);
      if (found === undefined) return NONE;
      return [...found].flatMap(([label, untilMs]) => (untilMs > nowMs ? [label] : []));
    },
    hasLabels(holder, labels, untilMs) {
      const found = left.get(holder);
      return found !== undefined && labels.every((label) => (found.get(label) ?? 0) >= untilMs);
    },
    approval(hash, nowMs) {
      const found = byHash.get(hash);
      if (found === undefined || found.expiresAtMs <= nowMs) return null;
      return found.state === 'used' || found.state === 'expired' ? null : found;
    },
    approvalById: (id) => approvals.get(id) ?? null,
    take(labels, changed, whole) {
      const before = approvals;
      if (whole) {
        left = new Map();
        approvals = new Map();
        byHash.clear();
      }
      for (const { holder, labels: names, untilMs } of labels) {
        let found = left.get(holder);
        if (found === undefined) {
          found = new Map();
          left.set(holder, found);
        }
        for (const name of names) found.set(name, Math.max(untilMs, found.get(name) ?? 0));
      }
      const decided = changed.filter(
        ({ id, state }) => (state === 'approved' || state === 'denied') && before.get(id)?.state === 'pending',
      );
      for (const approval of changed) keep(approval);
      for (const approval of decided) for (const listener of listeners) listener(approval);
    },
    onDecided(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    sweep(nowMs) {
      for (const [holder, found] of left) {
        for (const [label, untilMs] of found) if (untilMs <= nowMs) found.delete(label);
        if (found.size === 0) left.delete(holder);
      }
      // For a moment longer than it counts: whoever asks for it by its id is told that it is over.
      for (const approval of approvals.values()) {
        if (approval.expiresAtMs + LIMITS.approvalWithinMs > nowMs) continue;
        approvals.delete(approval.id);
        if (byHash.get(approval.hash)?.id === approval.id) byHash.delete(approval.hash);
      }
    },
  };
}
