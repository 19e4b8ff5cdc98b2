// Decides under which names an allowed call is counted, and what exactly a person is asked to approve: alike in every service.
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import type { Message } from '../mcp/message.ts';
import { approvalHash, canonicalText } from '../policy/approval-hash.ts';
import type { Approval, NewApproval, Take } from '../policy/ledger.ts';
import { quotaKey } from '../policy/quota.ts';
import type { ApprovalTerms, Obligations, OwedQuota } from '../policy/types.ts';
import { argumentsOf } from './exposure-arguments.ts';
import type { Verdict, Viewer } from './govern.ts';

type Allowed = Pick<Extract<Verdict, { kind: 'call' }>, 'exposed' | 'target'>;
type Owner = Pick<Viewer, 'surface' | 'principal'>;
/** `message`: null where its size is not known; a quota of bytes or tokens cannot be asked for then. */
type Calling = Owner & { readonly message: Message | null };

/** Before the answer is known, a quota of bytes or tokens has to have room for the request. */
export function takesOf(call: Calling, verdict: Allowed, { quotas }: Obligations): Take[] {
  const bytes = call.message?.bytes.length ?? Number.POSITIVE_INFINITY;
  return quotas.map((owed) => ({
    ...countedAs(call, verdict, owed),
    amount: owed.quota.unit === 'calls' ? 1 : amountOf(owed.quota.unit, bytes),
    limit: owed.quota.limit,
  }));
}

/** About four bytes of JSON are a token of today's models; docs/policy.md says so. */
export function amountOf(unit: 'bytes' | 'tokens', bytes: number): number {
  return unit === 'bytes' ? bytes : Math.ceil(bytes / LIMITS.tokenBytesMin);
}

export function countedAs(
  { surface, principal }: Owner,
  { exposed, target }: Allowed,
  { quota, task }: OwedQuota,
): Pick<Take, 'key' | 'windowMs'> {
  const named = { server: exposed.server.name, name: exposed.name, kind: target.kind };
  return { key: quotaKey(quota, { surface: surface.name, principal, target: named, task }), windowMs: quota.windowMs };
}

/** Null: its arguments are none, or more than a person can be shown: nobody approves what he does not see. */
export function approvalFor(
  { surface, principal, message }: Owner & { readonly message: Message },
  { exposed, target }: Allowed,
  terms: ApprovalTerms,
  nowMs: number,
): NewApproval | null {
  const read = argumentsOf(message, exposed);
  if (!read.ok) return null;
  const shown = canonicalText(read.value);
  if (shown.length > LIMITS.approvalShownCharsMax) return null;
  const { issuer, subject } = principal;
  const hash = approvalHash({
    surface: surface.name,
    issuer,
    subject,
    server: exposed.server.name,
    version: exposed.version.version,
    kind: target.kind,
    name: `${exposed.name} ${terms.rule}`,
    args: read.value,
  });
  return {
    hash,
    surface: surface.name,
    issuer,
    subject,
    target: `${exposed.server.name}/${exposed.name}`,
    rule: terms.rule,
    reason: terms.reason,
    by: terms.by,
    shown,
    requestedAtMs: nowMs,
    expiresAtMs: nowMs + terms.withinMs,
  };
}

/** What a caller needs to come back whose client shows no page: the same call again is the same approval. */
export function pendingError({ id, state, expiresAtMs }: Approval): {
  readonly detail: string;
  readonly data: JsonObject;
} {
  return {
    detail: `ask for approval ${id} and make the same call again`,
    data: { approval: id, state, expiresAt: new Date(expiresAtMs).toISOString(), retry: 'same-call' },
  };
}
