// Decides what is measured of decisions and approvals.
import type { Outcome } from '../../core/ledger-client/decision-record.ts';
import type { ApprovalState } from '../../core/policy/ledger.ts';

export interface LedgerMetrics {
  decided(surface: string, outcome: Outcome): void;
  /** Records that a service had to drop. */
  lost(count: number): void;
  /** Policies in shadow would have decided otherwise. */
  shadowDiffered(surface: string, allowed: boolean): void;
  approvals(states: ReadonlyMap<ApprovalState, number>): void;
}
