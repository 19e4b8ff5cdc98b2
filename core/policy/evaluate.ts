// Decides what one rule comes to for a call: it holds, it does not, it may, or it cannot be told.
import type { Candidate } from './candidates.ts';
import type { Scope, Truth } from './cel/types.ts';
import type { Question } from './question.ts';
import type { CompiledRule, RuleCondition } from './rule.ts';
import type { Indeterminate } from './types.ts';

/** `unknown`: it depends on arguments that nobody has given yet. */
export type Holds = Truth['kind'];

export interface Evaluated {
  readonly holds: Holds;
  /** The task for which it holds; '' when it asks for none. */
  readonly task: string;
}

const NOT: Evaluated = { holds: 'false', task: '' };

/** Whether the rule speaks of the principal: what cannot fail. */
export function speaksOf({ rule, task }: Candidate, { principal, request }: Question): Evaluated {
  if (rule.who !== null && !rule.who(principal, request.address)) return NOT;
  if (task === null) return { holds: 'true', task: '' };
  const found = task(principal);
  return found === null ? NOT : { holds: 'true', task: found };
}

/**
 * Conditions are ANDed as CEL's `&&` is: one that is false decides, whatever became of the others. Those that came to no
 * value are added to `failed`. Where one failed and another is not known yet, the rule will fail or not hold: `worst` is
 * what that comes to, so that no list shows what surely is refused, and none hides what may be allowed.
 */
export function conditionsHold(
  ruleId: string,
  conditions: readonly RuleCondition[],
  scope: Scope,
  failed: Indeterminate[],
  worst: 'indeterminate' | 'unknown' = 'indeterminate',
): Holds {
  let holds: Holds = 'true';
  const before = failed.length;
  for (const { text, condition } of conditions) {
    const truth: Truth =
      condition === null ? { kind: 'indeterminate', why: 'it is no condition' } : condition.evaluate(scope);
    if (truth.kind === 'false') {
      // The others say nothing about the outcome.
      failed.length = before;
      return 'false';
    }
    if (truth.kind === 'indeterminate') {
      failed.push({ rule: ruleId, condition: text, why: truth.why });
      holds = holds === 'unknown' ? worst : 'indeterminate';
    } else if (truth.kind === 'unknown') holds = holds === 'indeterminate' ? worst : 'unknown';
  }
  return holds;
}

/** The whole rule. */
export function evaluate(candidate: Candidate, question: Question, scope: Scope, failed: Indeterminate[]): Evaluated {
  const speaks = speaksOf(candidate, question);
  const { rule } = candidate;
  if (speaks.holds === 'false' || rule.conditions.length === 0) return speaks;
  return { holds: conditionsHold(rule.id, rule.conditions, scope, failed, worstOf(rule.effect)), task: speaks.task };
}

/** For a deny that may still be refuted by arguments, and an allow that cannot become true any more. */
export function worstOf(effect: CompiledRule['effect']): 'indeterminate' | 'unknown' {
  return effect === 'deny' ? 'unknown' : 'indeterminate';
}
