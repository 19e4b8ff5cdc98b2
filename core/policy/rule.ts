// Decides what one rule is once it is compiled; what cannot be read never widens access.
import { LIMITS } from '../limits.ts';
import { compileCondition } from './cel/compile.ts';
import type { Condition } from './cel/types.ts';
import { durationMs } from './duration.ts';
import { compileGlob, type Glob } from './glob.ts';
import { compileTargets, type TargetTest } from './pattern.ts';
import { quotasOf } from './quota.ts';
import { type CompiledTask, compileTask, isBareTask } from './task.ts';
import {
  type ApprovalTerms,
  type Policy,
  type Quota,
  type Rule,
  TARGET_MEMBERS,
  type Target,
  type TargetKind,
} from './types.ts';
import { compileWho, type WhoTest } from './who.ts';

export interface CompiledRule {
  /** `policy/rule`. */
  readonly id: string;
  readonly effect: Rule['effect'];
  readonly shadow: boolean;
  readonly reason: string;
  readonly surfaces: readonly Glob[];
  readonly targets: Readonly<Record<TargetKind, TargetTest>>;
  /** null: the rule asks for no task. */
  readonly task: CompiledTask | null;
  /** null: everybody. */
  readonly who: WhoTest | null;
  /** The same without its scopes: who may be let in with more of them; null: it asks for none. */
  readonly whoBeyondScopes: { readonly test: WhoTest | null; readonly scopes: readonly string[] } | null;
  readonly conditions: readonly RuleCondition[];
  readonly quotas: readonly Quota[];
  readonly approve: { readonly condition: RuleCondition | null; readonly terms: ApprovalTerms } | null;
  readonly redact: readonly string[];
  readonly labels: readonly string[];
  readonly rule: Rule;
}

/** `condition` is null when its text is no condition: it is never true, and never surely false. */
export interface RuleCondition {
  readonly text: string;
  readonly condition: Condition | null;
}

/** An allow rule that owes what nobody can read allows nothing. Total. */
export function compileRule(policy: Policy, rule: Rule): CompiledRule {
  const id = `${policy.name}/${rule.id}`;
  const deny = rule.effect === 'deny';
  const quotas = quotasOf(id, rule.obligations ?? {});
  const approve = approveOf(id, rule);
  const readable = quotas !== null && approve !== undefined;
  const test = (kind: Target['kind']): TargetTest => {
    if (isBareTask(rule)) return () => readable;
    const patterns = readable ? (rule[TARGET_MEMBERS[kind]] ?? []) : [];
    return compileTargets(patterns, kind, rule.effect, deny);
  };
  return {
    id,
    effect: rule.effect,
    shadow: policy.mode === 'shadow',
    reason: rule.reason ?? `${deny ? 'denied' : 'allowed'} by ${id}`,
    surfaces: policy.surfaces.map(compileGlob),
    targets: { tool: test('tool'), prompt: test('prompt'), resource: test('resource') },
    task: compileTask(policy, rule),
    who: compileWho(rule.who, deny),
    whoBeyondScopes: beyondScopes(rule),
    conditions: (rule.when ?? []).map(conditionOf),
    quotas: quotas ?? [],
    approve: approve ?? null,
    redact: rule.obligations?.redact ?? [],
    labels: rule.obligations?.labels ?? [],
    rule,
  };
}

function conditionOf(text: string): RuleCondition {
  const compiled = compileCondition(text);
  return { text, condition: compiled.ok ? compiled.condition : null };
}

function beyondScopes({ effect, who }: Rule): CompiledRule['whoBeyondScopes'] {
  if (effect === 'deny' || who?.scopes === undefined) return null;
  const { scopes, ...others } = who;
  return { test: compileWho(others, false), scopes };
}

/** null: no approval; undefined: one that cannot be read. */
function approveOf(id: string, { obligations, reason }: Rule): CompiledRule['approve'] | undefined {
  const approve = obligations?.approve;
  if (approve === undefined) return null;
  const withinMs =
    approve.within === undefined ? LIMITS.approvalWithinMs : durationMs(approve.within, LIMITS.approvalWithinMaxMs);
  if (withinMs === null) return undefined;
  return {
    condition: approve.when === undefined ? null : conditionOf(approve.when),
    terms: { rule: id, by: approve.by, withinMs, reason: reason ?? '' },
  };
}
