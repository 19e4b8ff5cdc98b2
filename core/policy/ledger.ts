// Decides what calls leave behind for later ones: labels, counts and approvals, as the services see them.

/** How far an approval is. `used`: its one call was made. */
export type ApprovalState = 'pending' | 'approved' | 'denied' | 'used' | 'expired';

/** One call that waits for a person. It holds no argument: `hash` binds it to them. */
export interface Approval {
  /** 128 random bits, hex: on a command line nothing else begins so. */
  readonly id: string;
  /** SHA-256 over surface, principal, target and canonical arguments, hex; see `approvalHash`. */
  readonly hash: string;
  readonly state: ApprovalState;
  readonly surface: string;
  readonly issuer: string;
  readonly subject: string;
  /** `server/tool`. */
  readonly target: string;
  /** `policy/rule`. */
  readonly rule: string;
  readonly reason: string;
  /** Who may decide. */
  readonly by: { readonly subjects?: readonly string[]; readonly groups?: readonly string[] };
  /** What the approver is shown of the arguments: canonical JSON, bounded; null where the surface does not show them. */
  readonly shown: string | null;
  readonly requestedAtMs: number;
  /** For the decision, and then for the use. Epoch milliseconds. */
  readonly expiresAtMs: number;
  readonly decidedBy: string | null;
}

export type NewApproval = Omit<Approval, 'id' | 'state' | 'decidedBy'>;

/** `amount` of what is counted under `key` in the window of `windowMs` that slides. */
export interface Take {
  readonly key: string;
  readonly amount: number;
  readonly limit: number;
  readonly windowMs: number;
}

export type Taken =
  | { readonly ok: true }
  /** Which one is exhausted, and when there is room again. */
  | { readonly ok: false; readonly key: string; readonly retryAfterMs: number };

/**
 * A replica of what the control plane keeps. Everything that is read is in memory; what must not be lost is written before
 * it counts. While the control plane is away counts go on from what is known here.
 */
export interface Ledger {
  /** False until the first whole state came: nothing that owes anything is allowed before. */
  ready(): boolean;
  /** `holder`: see `labelHolder`. */
  labels(holder: string): readonly string[];
  /** True when they are stored for every service; false when that could not be had in time. */
  leave(holder: string, labels: readonly string[], untilMs: number): Promise<boolean>;
  /** Takes from all or from none. Sync: two calls never take the same room. */
  take(takes: readonly Take[], nowMs: number): Taken;
  /** What is known only after the answer: bytes, tokens. */
  add(takes: readonly Omit<Take, 'limit'>[], nowMs: number): void;
  /** The newest one for this call that is not used or expired; null: none. */
  approval(hash: string, nowMs: number): Approval | null;
  /** By its id. */
  approvalById(id: string): Approval | null;
  /** Asks for one, or gives the one that is there; null when it could not be stored in time. */
  request(approval: NewApproval): Promise<Approval | null>;
  /** True exactly once over all services. */
  use(id: string): Promise<boolean>;
  /** Called when an approval was decided. Returns the way to stop. */
  onDecided(listener: (approval: Approval) => void): () => void;
}
