// Decides what of an allowed message may go on where nobody behind us translates: in front of somebody's server, by somebody's Envoy.

import type { Verdict, Viewer } from '../core/catalog/govern.ts';
import { approvalFor, pendingError, takesOf } from '../core/catalog/owed-call.ts';
import { recordDecision } from '../core/ledger-client/recorded.ts';
import type { Message } from '../core/mcp/message.ts';
import type { Act } from '../core/mcp/methods.ts';
import { leaveLabels, principalHolders } from '../core/policy/holder.ts';
import type { Approval } from '../core/policy/ledger.ts';
import type { ApprovalTerms, Obligations } from '../core/policy/types.ts';
import { allow, type CheckContext, type Known, type Refusal, type Ruling, refuse } from './check.ts';

type Call = Extract<Verdict, { kind: 'call' }>;

export interface AloneCall extends Viewer {
  readonly message: Message;
  readonly verdict: Exclude<Verdict, { kind: 'refused' }>;
  readonly batched: boolean;
  readonly context: CheckContext;
}

/** What was allowed. `message`: null where only its headers are known. */
export interface OwingCall extends Pick<Call, 'exposed' | 'target' | 'decision'> {
  readonly surface: Viewer['surface'];
  readonly principal: Viewer['principal'];
  readonly message: Message | null;
  readonly batched?: boolean;
  readonly context: CheckContext;
}

/**
 * Whose task it is, only the gateway's own ids say; and what a server tells of resources to whom listens, nobody would look
 * at.
 */
export const UNDECIDED: readonly Act[] = ['task', 'tasks', 'listen'];

export function ruleAlone(call: AloneCall, found: Known, bytes: Buffer): Ruling | Promise<Ruling> {
  const { verdict, message } = call;
  if (verdict.kind === 'response') return allow(found, bytes);
  if (UNDECIDED.includes(verdict.row.act))
    return refuse(found, {
      code: 'obligation_unsupported',
      detail: `${message.method} without the gateway`,
      idText: message.idText,
    });
  if (verdict.kind === 'lifecycle') return allow(found, bytes);
  const recorded = (ruling: Ruling): Ruling => {
    recordDecision(call.context.recorded, call, message.method, verdict, ruling.allowed ? '' : ruling.code);
    return ruling;
  };
  const ruling = fulfilAlone({ ...call, ...verdict }, found);
  return ruling instanceof Promise ? ruling.then(recorded) : recorded(ruling);
}

/** What is owed is done here, or the call is refused: nothing is skipped. Labels stick to the principal, in both eras. */
export function fulfilAlone(call: OwingCall, found: Known): Ruling | Promise<Ruling> {
  const { exposed, decision, message } = call;
  const bytes = message?.bytes ?? Buffer.alloc(0);
  const refused = (refusal: Refusal): Ruling => refuse(found, { idText: message?.idText ?? 'null', ...refusal });
  if (exposed.publicName !== exposed.name || exposed.fixing !== null)
    return refused({ code: 'obligation_unsupported', detail: 'the names of this surface are not those of its server' });
  const { obligations } = decision;
  if (obligations === null) return allow(found, bytes);
  const unsupported = unsupportedOf(obligations, call);
  if (unsupported !== null) return refused({ code: 'obligation_unsupported', detail: unsupported });
  return fulfilled(call, obligations).then((refusal) => (refusal === null ? allow(found, bytes) : refused(refusal)));
}

function unsupportedOf({ redact, quotas, approvals }: Obligations, { batched, message }: OwingCall): string | null {
  if (redact.length > 0) return 'redact';
  const measured = quotas.find(({ quota }) => quota.unit !== 'calls');
  if (measured !== undefined) return `a quota of ${measured.quota.unit}`;
  if (message === null && approvals.length > 0) return 'approve, by headers alone';
  // One refused message refuses them all, and what the others took would be gone.
  return batched === true ? 'in a batch' : null;
}

/** Null: everything is done. In the order in which least is lost: approvals are used when there is room for the call. */
async function fulfilled(call: OwingCall, obligations: Obligations): Promise<Refusal | null> {
  const { ledger, nowMs } = call.context;
  if (!ledger.ready()) return { code: 'decision_unavailable' };
  const approvals: Approval[] = [];
  for (const terms of obligations.approvals) {
    const approval = await standing(call, terms);
    if (approval === null) return { code: 'decision_unavailable' };
    if (approval.state === 'denied') return { code: 'policy_denied', detail: 'the approval was denied' };
    if (approval.state !== 'approved') return { code: 'approval_required', ...pendingError(approval) };
    approvals.push(approval);
  }
  const taken = ledger.take(takesOf(call, call, obligations), nowMs);
  if (!taken.ok) {
    const seconds = Math.ceil(taken.retryAfterMs / 1000);
    return {
      code: 'quota_exceeded',
      detail: `try again in ${seconds} s`,
      data: { retryAfterMs: taken.retryAfterMs },
      headers: [['retry-after', String(seconds)]],
    };
  }
  for (const { id } of approvals) {
    if (!(await ledger.use(id))) return { code: 'approval_required', detail: 'it was used already' };
  }
  const stored = await leaveLabels(ledger, principalHolders(call.principal), obligations.labels, nowMs);
  return stored ? null : { code: 'decision_unavailable' };
}

async function standing(call: OwingCall, terms: ApprovalTerms): Promise<Approval | null> {
  const { ledger, nowMs } = call.context;
  const { message } = call;
  const asked = message === null ? null : approvalFor({ ...call, message }, call, terms, nowMs);
  return asked === null ? null : (ledger.approval(asked.hash, nowMs) ?? ledger.request(asked));
}
