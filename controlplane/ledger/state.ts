// Decides what the control plane holds in memory of the ledger: all that counts now, as it is stored.
import { overMs } from '../../core/ledger-client/windows.ts';
import type { CountMessage } from '../../core/ledger-client/wire.ts';
import type { ApprovalState } from '../../core/policy/ledger.ts';
import type { Changes, StoredApproval } from './types.ts';

export interface Count extends CountMessage {
  readonly overMs: number;
}

/** Changed only by what was committed. */
export class LedgerState {
  /** Holder → label → until. */
  readonly labels = new Map<string, Map<string, number>>();
  labelCount = 0;
  /** By `countId`. */
  readonly counts = new Map<string, Count>();
  /** Those that are not over, by id. */
  readonly approvals = new Map<string, StoredApproval>();
  readonly #byHash = new Map<string, StoredApproval>();
  /** Writer → the last of its writes that is stored. */
  readonly writers = new Map<string, number>();

  /** The one for this call that can still be decided or used, or was denied and is not over. */
  activeFor(hash: string, nowMs: number): StoredApproval | undefined {
    const found = this.#byHash.get(hash);
    return found !== undefined && isActive(found, nowMs) ? found : undefined;
  }

  apply({ labels, counts, approvals }: Omit<Changes, 'countsFull'>): void {
    for (const { holder, labels: names, untilMs } of labels) {
      let found = this.labels.get(holder);
      if (found === undefined) {
        found = new Map();
        this.labels.set(holder, found);
      }
      for (const name of names) {
        if (!found.has(name)) this.labelCount++;
        found.set(name, Math.max(untilMs, found.get(name) ?? 0));
      }
    }
    for (const count of counts)
      this.counts.set(countId(count), { ...count, overMs: overMs(count.part, count.windowMs) });
    for (const approval of approvals) {
      this.approvals.set(approval.id, approval);
      const known = this.#byHash.get(approval.hash);
      if (known === undefined || known.id === approval.id || known.requestedAtMs <= approval.requestedAtMs)
        this.#byHash.set(approval.hash, approval);
    }
  }

  /** Forgets what does not count any more. */
  sweep(nowMs: number): void {
    for (const [holder, found] of this.labels) {
      for (const [label, untilMs] of found) {
        if (untilMs > nowMs) continue;
        found.delete(label);
        this.labelCount--;
      }
      if (found.size === 0) this.labels.delete(holder);
    }
    for (const [id, count] of this.counts) if (count.overMs <= nowMs) this.counts.delete(id);
    for (const approval of this.approvals.values()) {
      if (approval.expiresAtMs > nowMs) continue;
      this.approvals.delete(approval.id);
      if (this.#byHash.get(approval.hash)?.id === approval.id) this.#byHash.delete(approval.hash);
    }
  }

  /** How many there are in each state. */
  approvalStates(): ReadonlyMap<ApprovalState, number> {
    const states = new Map<ApprovalState, number>();
    for (const { state } of this.approvals.values()) states.set(state, (states.get(state) ?? 0) + 1);
    return states;
  }
}

export function countId({ key, part }: Pick<CountMessage, 'key' | 'part'>): string {
  return `${key} ${part}`;
}

export function isActive({ state, expiresAtMs }: StoredApproval, nowMs: number): boolean {
  return expiresAtMs > nowMs && state !== 'used' && state !== 'expired';
}
