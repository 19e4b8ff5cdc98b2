// Decides what the control plane knows of approvals beyond what the services are told, and what may be asked of its ledger.
import type { CountMessage, LabelsMessage } from '../../core/ledger-client/wire.ts';
import type { Approval, ApprovalState, NewApproval } from '../../core/policy/ledger.ts';

export interface StoredApproval extends Approval {
  readonly decidedAtMs: number | null;
  /** In the words of who decided; '' for none. */
  readonly decidedWhy: string | null;
  readonly usedAtMs: number | null;
  /** The write that used it. */
  readonly usedBy: string | null;
}

/** What a service writes. `malformed`: nothing that could be stored. */
export type LedgerWrite =
  | { readonly kind: 'labels'; readonly labels: LabelsMessage }
  | { readonly kind: 'counts'; readonly counts: readonly CountMessage[] }
  | { readonly kind: 'approval'; readonly approval: NewApproval }
  | { readonly kind: 'use'; readonly id: string }
  | { readonly kind: 'malformed' };

/** A write with its own name; `sequence` grows with each of a writer. */
export interface NamedWrite {
  readonly writer: string;
  readonly sequence: number;
  readonly write: LedgerWrite;
}

export interface Answer {
  readonly sequence: number;
  /** It is stored, and of a use: it is this one's. */
  readonly done: boolean;
  readonly approval?: StoredApproval;
}

/** What is known anew at one moment; counts are sums over all services. */
export interface Changes {
  readonly labels: readonly LabelsMessage[];
  readonly counts: readonly CountMessage[];
  readonly approvals: readonly StoredApproval[];
  readonly countsFull: boolean;
}

export type Verdict = Extract<ApprovalState, 'approved' | 'denied'>;

export type Decided =
  | { readonly ok: true; readonly approval: StoredApproval }
  | { readonly ok: false; readonly why: 'unknown' }
  /** It is not pending any more; as it is. */
  | { readonly ok: false; readonly why: 'over'; readonly approval: StoredApproval };

export interface ApprovalQuery {
  readonly state?: ApprovalState;
  readonly surface?: string;
  /** Only what was asked for before this one. */
  readonly before?: { readonly requestedAtMs: number; readonly id: string };
  readonly limit: number;
}
