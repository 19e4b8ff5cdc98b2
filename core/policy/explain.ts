// Decides how it is told why a principal may or may not use a target: every rule, every part of it, its value.
import { appliesTo, type CompiledPolicies } from './candidates.ts';
import { traceOf } from './cel/trace.ts';
import type { TraceLine, Truth } from './cel/types.ts';
import { type DecisionQuestion, decide, visible } from './decide.ts';
import { conditionsHold, worstOf } from './evaluate.ts';
import { ScopeOf } from './question.ts';
import type { CompiledRule, RuleCondition } from './rule.ts';
import type { Decision, Rule, Who } from './types.ts';
import { WHO_MEMBERS } from './who.ts';

export interface ExplainedCondition {
  readonly text: string;
  readonly truth: Truth['kind'];
  /** Why it came to no value. */
  readonly why?: string;
  readonly trace: readonly TraceLine[];
}

export interface ExplainedRule {
  /** `policy/rule`. */
  readonly rule: string;
  readonly effect: Rule['effect'];
  readonly mode: 'enforce' | 'shadow';
  /** What it came to: it holds, it does not, it may (arguments are not known), it cannot be told. */
  readonly holds: Truth['kind'];
  readonly surface: boolean;
  readonly target: boolean;
  readonly task: boolean;
  /** Members of `who` that do not fit; empty: it speaks of the principal. */
  readonly whoFails: readonly string[];
  readonly conditions: readonly ExplainedCondition[];
}

export interface Explanation {
  readonly decision: Decision;
  readonly listed: boolean;
  /** In the order of their ids. */
  readonly rules: readonly ExplainedRule[];
}

/** Without `args` in the question: as for a list. Quotes values: for those who may see them. Total. */
export function explain(policies: CompiledPolicies, question: DecisionQuestion): Explanation {
  // A list is decided without arguments, also beside a call that has them.
  const { args: _, ...listing } = question;
  return {
    decision: decide(policies, question),
    listed: visible(policies, listing).shown,
    rules: policies.rules.map((rule) => explainRule(rule, question)),
  };
}

function explainRule(rule: CompiledRule, question: DecisionQuestion): ExplainedRule {
  const { surface, target, principal, request } = question;
  const onSurface = appliesTo(rule, surface);
  const onTarget = rule.targets[target.kind](target);
  const task = rule.task === null || (rule.task.on(surface, target)?.(principal) ?? null) !== null;
  const speaks = rule.who === null || rule.who(principal, request.address);
  const whoFails = speaks ? [] : failing(rule.rule.who ?? {}, rule.effect === 'deny', question);
  const scope = new ScopeOf(question, rule.effect);
  const reached = onSurface && onTarget && task && speaks;
  const conditions = reached ? rule.conditions.map((condition) => explainCondition(condition, scope)) : [];
  return {
    rule: rule.id,
    effect: rule.effect,
    mode: rule.shadow ? 'shadow' : 'enforce',
    holds: reached ? conditionsHold(rule.id, rule.conditions, scope, [], worstOf(rule.effect)) : 'false',
    surface: onSurface,
    target: onTarget,
    task,
    whoFails,
    conditions,
  };
}

function explainCondition({ text, condition }: RuleCondition, scope: ScopeOf): ExplainedCondition {
  if (condition === null) return { text, truth: 'indeterminate', why: 'it is no condition', trace: [] };
  const truth = condition.evaluate(scope);
  const why = truth.kind === 'indeterminate' ? { why: truth.why } : {};
  return { text, truth: truth.kind, ...why, trace: traceOf(condition, scope) };
}

function failing(who: Who, unsure: boolean, { principal, request }: DecisionQuestion): string[] {
  const failed: string[] = [];
  for (const key of Object.keys(WHO_MEMBERS) as (keyof typeof WHO_MEMBERS)[]) {
    const values = who[key];
    if (values === undefined) continue;
    const test = (
      WHO_MEMBERS[key] as (
        values: unknown,
        unsure: boolean,
      ) => (typeof WHO_MEMBERS)['subjects'] extends (...args: never[]) => infer Test ? Test : never
    )(values, unsure);
    if (!test(principal, request.address)) failed.push(key);
  }
  if (failed.length === 0 && who.not !== undefined) failed.push('not');
  return failed;
}
