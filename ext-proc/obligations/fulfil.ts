// Decides what has to be done before an allowed call goes on: a person's approval, room in its quotas, the labels that it leaves.
import type { Verdict, Viewer } from '../../core/catalog/govern.ts';
import { amountOf, approvalFor, countedAs, takesOf } from '../../core/catalog/owed-call.ts';
import { recordDecision } from '../../core/ledger-client/recorded.ts';
import type { Message } from '../../core/mcp/message.ts';
import { leaveLabels } from '../../core/policy/holder.ts';
import type { Approval } from '../../core/policy/ledger.ts';
import type { ApprovalTerms, Decision, Obligations } from '../../core/policy/types.ts';
import type { Gateway } from '../gateway.ts';
import { type Outcome, type Refusal, refuse } from '../outcome.ts';
import { redacted } from './redacted.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

export interface OwingCall extends Viewer {
  readonly gateway: Gateway;
  readonly message: Message;
  /** To whom labels stick; see holder.ts. */
  readonly holders: readonly string[];
  /** What the caller is told while a person has to approve: as its client can show it. */
  readonly pending: (approval: Approval) => Outcome;
}

/** `go` makes the call. At once where nothing is owed. */
export function fulfil(
  call: OwingCall,
  verdict: Allowed,
  go: () => Outcome | Promise<Outcome>,
): Outcome | Promise<Outcome> {
  const { obligations } = verdict.decision;
  if (obligations !== null) return fulfilled(call, verdict, obligations, go);
  recordDecision(call.gateway.recorded, call, call.message.method, verdict, '');
  return go();
}

async function fulfilled(
  call: OwingCall,
  verdict: Allowed,
  obligations: Obligations,
  go: () => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const { gateway, message, holders, principal } = call;
  const { idText } = message;
  const { ledger } = gateway;
  const refused = (refusal: Refusal): Outcome => {
    recordDecision(call.gateway.recorded, call, call.message.method, verdict, refusal.code);
    return refuse(refusal, idText);
  };
  if (!ledger.ready()) return refused({ code: 'decision_unavailable', reason: 'the ledger is not there yet' });
  const approvals = await approved(call, verdict, obligations.approvals);
  if ('refusal' in approvals) return refused(approvals.refusal);
  if ('pending' in approvals) {
    recordDecision(call.gateway.recorded, call, call.message.method, verdict, 'approval_required');
    return call.pending(approvals.pending);
  }
  const taken = ledger.take(takesOf(call, verdict, obligations), gateway.now());
  if (!taken.ok) {
    const seconds = Math.ceil(taken.retryAfterMs / 1000);
    return refused({
      code: 'quota_exceeded',
      detail: `try again in ${seconds} s`,
      data: { retryAfterMs: taken.retryAfterMs },
      headers: [['retry-after', String(seconds)]],
    });
  }
  for (const id of approvals.ids) {
    if (await ledger.use(id)) continue;
    // Somebody was faster with the same approval: then another is asked for, as by whoever comes later.
    const others = await approved(call, verdict, obligations.approvals);
    if (!('pending' in others))
      return refused({ code: 'decision_unavailable', reason: 'an approval could not be used' });
    recordDecision(call.gateway.recorded, call, call.message.method, verdict, 'approval_required');
    return call.pending(others.pending);
  }
  if (!(await leaveLabels(ledger, holders, obligations.labels, gateway.now())))
    return refused({ code: 'decision_unavailable', reason: 'a label could not be stored' });
  recordDecision(call.gateway.recorded, call, call.message.method, verdict, '');
  const counting = measuredOf(call, verdict, obligations);
  const outcome = await go();
  if (obligations.redact.length === 0 && counting.length === 0) return outcome;
  return redacted(outcome, {
    paths: obligations.redact,
    onBytes: (bytes) => {
      const amounts = counting.map(({ take, unit }) => ({ ...take, amount: amountOf(unit, bytes) }));
      if (amounts.length > 0) ledger.add(amounts, gateway.now());
    },
    onUnreadable: () =>
      gateway.log.error(
        { subject: principal.subject, target: verdict.exposed.publicName, decision: verdict.decision.id },
        'an answer could not be redacted, and was withheld',
      ),
    idText,
  });
}

/** Of what is left of a call that was made, a task: what its rules withhold. */
export function withheld(gateway: Gateway, message: Message, decision: Decision, outcome: Outcome): Outcome {
  return withheldOf(gateway, decision.obligations?.redact ?? [], outcome, message.idText);
}

export function withheldOf(gateway: Gateway, paths: readonly string[], outcome: Outcome, idText: string): Outcome {
  if (paths.length === 0) return outcome;
  return redacted(outcome, {
    paths,
    onBytes: () => {},
    onUnreadable: () => gateway.log.error({ paths }, 'an answer could not be redacted, and was withheld'),
    idText,
  });
}

/** The answer of the call has to be looked at: Envoy must not carry it by itself. */
export function looksAtAnswer({ decision }: Pick<Allowed, 'decision'>): boolean {
  const { obligations } = decision;
  if (obligations === null) return false;
  return obligations.redact.length > 0 || obligations.quotas.some(({ quota }) => quota.unit !== 'calls');
}

function measuredOf(call: OwingCall, verdict: Allowed, { quotas }: Obligations) {
  return quotas.flatMap((owed) =>
    owed.quota.unit === 'calls' ? [] : [{ unit: owed.quota.unit, take: countedAs(call, verdict, owed) }],
  );
}

type Approved = { readonly ids: readonly string[] } | { readonly pending: Approval } | { readonly refusal: Refusal };

async function approved(call: OwingCall, verdict: Allowed, terms: readonly ApprovalTerms[]): Promise<Approved> {
  const ids: string[] = [];
  for (const one of terms) {
    const approval = await standing(call, verdict, one);
    if (approval === null)
      return { refusal: { code: 'decision_unavailable', reason: 'an approval could not be asked for' } };
    if (approval.state === 'denied') return { refusal: { code: 'policy_denied', detail: 'the approval was denied' } };
    if (approval.state !== 'approved') return { pending: approval };
    ids.push(approval.id);
  }
  return { ids };
}

/** The approval that there is, or one that is asked for now. */
async function standing(call: OwingCall, verdict: Allowed, terms: ApprovalTerms): Promise<Approval | null> {
  const { ledger, now } = call.gateway;
  const nowMs = now();
  const asked = approvalFor(call, verdict, terms, nowMs);
  return asked === null ? null : (ledger.approval(asked.hash, nowMs) ?? ledger.request(asked));
}
