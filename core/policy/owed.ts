// Decides what an allowed call owes: the obligations of every rule that allows it, so that nobody escapes one by a wider rule.
import type { Scope } from './cel/types.ts';
import { conditionsHold } from './evaluate.ts';
import type { CompiledRule } from './rule.ts';
import type { ApprovalTerms, Indeterminate, Obligations, OwedQuota } from './types.ts';

export interface Allowing {
  readonly rule: CompiledRule;
  readonly task: string;
}

/** null: nothing. An approval whose condition comes to no value is asked for. */
export function owedFor(allowing: readonly Allowing[], scope: Scope, failed: Indeterminate[]): Obligations | null {
  if (allowing.every(({ rule }) => rule.rule.obligations === undefined)) return null;
  const quotas: OwedQuota[] = [];
  const approvals: ApprovalTerms[] = [];
  const redact = new Set<string>();
  const labels = new Set<string>();
  for (const { rule, task } of allowing) {
    for (const quota of rule.quotas) quotas.push({ quota, task });
    for (const path of rule.redact) redact.add(path);
    for (const label of rule.labels) labels.add(label);
    const { approve } = rule;
    if (approve === null) continue;
    const asked = approve.condition === null ? [] : [approve.condition];
    if (conditionsHold(rule.id, asked, scope, failed) !== 'false') approvals.push(approve.terms);
  }
  if (quotas.length + approvals.length + redact.size + labels.size === 0) return null;
  return { quotas, approvals, redact: [...redact].sort(), labels: [...labels].sort() };
}
