// Decides whether a principal may use a target: order-free, deny overrides, default deny.
import type { Candidate, Candidates, CompiledPolicies, Shelf } from './candidates.ts';
import { evaluate } from './evaluate.ts';
import { type Allowing, owedFor } from './owed.ts';
import { type Question, ScopeOf } from './question.ts';
import type { Decision, Indeterminate } from './types.ts';

export { type CompiledPolicies, compilePolicies } from './candidates.ts';
export type { Question } from './question.ts';

export interface DecisionQuestion extends Question {
  readonly revision: number;
  /** The decision's id. */
  readonly id: string;
}

interface Outcome {
  readonly allowed: boolean;
  readonly deciding: readonly Allowing[];
  readonly failed: Indeterminate[];
  readonly scope: ScopeOf;
}

const NOTHING: readonly never[] = [];

/** One call. Sync and total; some microseconds when the target was asked for before. */
export function decide(policies: CompiledPolicies, question: DecisionQuestion): Decision {
  const candidates = policies.candidates(question.surface, question.target);
  const outcome = outcomeOf(candidates, question, false);
  const { allowed, deciding, failed, scope } = outcome;
  const [first] = deciding;
  return {
    id: question.id,
    allowed,
    ruleIds: deciding.map(({ rule }) => rule.id),
    reason: first?.rule.reason ?? 'no rule allows it',
    revision: question.revision,
    obligations: allowed ? owedFor(deciding, scope, failed) : null,
    indeterminate: failed.length < 2 ? failed : failed.sort((a, b) => (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0)),
    shadow: candidates.shadowed ? shadowOf(candidates, question, outcome) : null,
    missingScopes: allowed || first !== undefined ? NOTHING : missingScopes(candidates, question),
  };
}

/** Rules in shadow count as if they were enforced, beside the others. */
function shadowOf(candidates: Candidates, question: Question, enforced: Outcome): Decision['shadow'] {
  const { allowed, deciding } = outcomeOf(candidates, question, true);
  const ruleIds = deciding.map(({ rule }) => rule.id);
  const same =
    allowed === enforced.allowed && ruleIds.join(' ') === enforced.deciding.map(({ rule }) => rule.id).join(' ');
  return same ? null : { allowed, ruleIds };
}

/** A deny holds when it is true or cannot be told; an allow only when it is true. */
function outcomeOf({ denies, allows }: Candidates, question: Question, withShadow: boolean): Outcome {
  const failed: Indeterminate[] = [];
  const denyScope = new ScopeOf(question, 'deny');
  const denying = holding(denies, question, denyScope, failed, withShadow, (holds) => holds !== 'false');
  if (denying.length > 0) return { allowed: false, deciding: denying, failed, scope: denyScope };
  const scope = new ScopeOf(question, 'allow');
  const allowing = holding(allows, question, scope, failed, withShadow, (holds) => holds === 'true');
  return { allowed: allowing.length > 0, deciding: allowing, failed, scope };
}

function holding(
  shelf: Shelf,
  question: Question,
  scope: ScopeOf,
  failed: Indeterminate[],
  withShadow: boolean,
  counts: (holds: ReturnType<typeof evaluate>['holds']) => boolean,
): readonly Allowing[] {
  let found: Allowing[] | null = null;
  for (const candidate of shelf.for(question.principal)) {
    if (candidate.rule.shadow && !withShadow) continue;
    const { holds, task } = evaluate(candidate, question, scope, failed);
    if (!counts(holds)) continue;
    found ??= [];
    found.push({ rule: candidate.rule, task });
  }
  if (found === null) return NOTHING;
  // A shelf gives them as it finds them.
  return found.length === 1 ? found : found.sort((a, b) => (a.rule.id < b.rule.id ? -1 : 1));
}

/**
 * "the 'scope' attribute with the scope necessary to access the protected resource" (RFC 6750 §3.1): those of the first rule
 * that would allow the call but for its scopes, when no rule denies it.
 */
function missingScopes({ allows }: Candidates, question: Question): readonly string[] {
  for (const candidate of beyondScopes(allows)) {
    const { rule, task } = candidate;
    const { test, scopes } = rule.whoBeyondScopes!;
    if (test !== null && !test(question.principal, question.request.address)) continue;
    if (task !== null && task(question.principal) === null) continue;
    const scope = new ScopeOf(question, 'allow');
    const { holds } = evaluate({ rule: { ...rule, who: null }, task }, question, scope, []);
    if (holds === 'true' || (holds === 'unknown' && question.args === undefined)) return scopes.slice(0, 1);
  }
  return NOTHING;
}

// Few rules ask for scopes: those that do are looked for once for each target.
const withScopes = new WeakMap<Shelf, readonly Candidate[]>();
function beyondScopes(allows: Shelf): readonly Candidate[] {
  let found = withScopes.get(allows);
  if (found === undefined) {
    found = allows.all.filter(({ rule }) => rule.whoBeyondScopes !== null && !rule.shadow);
    withScopes.set(allows, found);
  }
  return found;
}

/** What a list shows of a target, and the rules by which it may be called. */
export interface Visibility {
  readonly shown: boolean;
  /** Rules that may allow a call, and with them their conditions; for what the advertised schema says. */
  readonly allowing: readonly Allowing[];
  /** Rules that surely deny it; then nothing allows it. */
  readonly denying: readonly Allowing[];
  readonly scope: ScopeOf;
}

/**
 * The same rules as for a call, with unknown arguments: shown when some allow may hold and no deny is certain, or when
 * only a scope is missing, which its caller can ask for.
 */
export function visible(policies: CompiledPolicies, question: Omit<Question, 'args'>): Visibility {
  const candidates = policies.candidates(question.surface, question.target);
  const { denies, allows } = candidates;
  const denyScope = new ScopeOf(question, 'deny');
  const certain = holding(denies, question, denyScope, [], false, (h) => h === 'true' || h === 'indeterminate');
  const scope = new ScopeOf(question, 'allow');
  if (certain.length > 0) return { shown: false, allowing: NOTHING, denying: certain, scope };
  const allowing = holding(allows, question, scope, [], false, (h) => h === 'true' || h === 'unknown');
  const shown = allowing.length > 0 || missingScopes(candidates, question).length > 0;
  return { shown, allowing, denying: NOTHING, scope };
}
