// Decides whether a principal may use a target: order-free, deny overrides, default deny.
import { LIMITS } from '../limits.ts';
import { compileGlob, type Glob } from './glob.ts';
import { compileTarget, type TargetPattern } from './pattern.ts';
import { type Decision, type Policy, type Principal, type Rule, TARGET_MEMBERS, type Target } from './types.ts';
import { compileWho, type WhoTest } from './who.ts';

export { checkPolicy } from './check-policy.ts';

export interface Question {
  /** Name of the surface. */
  readonly surface: string;
  readonly principal: Principal;
  readonly target: Target;
}

export interface DecisionQuestion extends Question {
  readonly revision: number;
  /** The decision's id. */
  readonly id: string;
}

/** The rules of one revision, ready to be asked. */
export interface CompiledPolicies {
  /** Rules that speak of the target on the surface, whoever calls. Not to be used outside this folder. */
  readonly candidates: (surface: string, target: Target) => Candidates;
}

interface CompiledRule {
  /** `policy/rule`. */
  readonly id: string;
  readonly effect: Rule['effect'];
  readonly reason: string;
  readonly surfaces: readonly Glob[];
  readonly targets: Readonly<Record<Target['kind'], readonly TargetPattern[] | 'all' | 'none'>>;
  /** null: everybody. */
  readonly who: WhoTest | null;
}

interface Candidates {
  readonly denies: readonly CompiledRule[];
  readonly allows: readonly CompiledRule[];
}

interface Outcome {
  readonly allowed: boolean;
  readonly ruleIds: readonly string[];
  readonly reason: string;
}

const NONE: Candidates = { denies: [], allows: [] };
const DEFAULT_DENIAL: Outcome = { allowed: false, ruleIds: [], reason: 'no rule allows it' };

/**
 * Compiles once what many decisions share; `surfaceName` leaves out what does not apply there. A pattern that
 * `checkPolicy` would refuse never widens access: in a deny rule it fits everything, in an allow rule nothing. Total.
 */
export function compilePolicies(policies: readonly Policy[], surfaceName?: string): CompiledPolicies {
  const rules = policies
    .flatMap((policy) => policy.rules.map((rule) => compileRule(policy, rule)))
    .filter((rule) => surfaceName === undefined || appliesTo(rule, surfaceName))
    // By id, so that neither the order of policies nor that of rules shows in ids and reasons.
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return { candidates: remember((surface, target) => select(rules, surface, target)) };
}

/** One call. Sync and total; about a microsecond when the target was asked for before. */
export function decide(policies: CompiledPolicies, question: DecisionQuestion): Decision {
  const { allowed, ruleIds, reason } = outcome(policies, question);
  return { id: question.id, allowed, ruleIds, reason, revision: question.revision };
}

/** Whether a list shows the target: the same rules as for a call. */
export function visible(policies: CompiledPolicies, question: Question): boolean {
  return outcome(policies, question).allowed;
}

function outcome(policies: CompiledPolicies, { surface, principal, target }: Question): Outcome {
  const { denies, allows } = policies.candidates(surface, target);
  const allowing = allows.filter((rule) => rule.who === null || rule.who(principal));
  const denying = denies.filter((rule) => rule.who === null || rule.who(principal));
  const deciding = denying.length > 0 ? denying : allowing;
  if (deciding.length === 0) return DEFAULT_DENIAL;
  return { allowed: deciding === allowing, ruleIds: deciding.map((rule) => rule.id), reason: deciding[0]!.reason };
}

function compileRule(policy: Policy, rule: Rule): CompiledRule {
  const id = `${policy.name}/${rule.id}`;
  const unreadable = rule.effect === 'deny' ? 'all' : 'none';
  const patterns = (kind: Target['kind']): CompiledRule['targets'][Target['kind']] => {
    const texts = rule[TARGET_MEMBERS[kind]] ?? [];
    const compiled = texts.map(compileTarget);
    const readable = compiled.filter((pattern) => pattern !== null);
    return readable.length === compiled.length ? readable : unreadable;
  };
  return {
    id,
    effect: rule.effect,
    reason: rule.reason ?? `${rule.effect === 'allow' ? 'allowed' : 'denied'} by ${id}`,
    surfaces: policy.surfaces.map(compileGlob),
    targets: { tool: patterns('tool'), prompt: patterns('prompt'), resource: patterns('resource') },
    who: compileWho(rule.who),
  };
}

function appliesTo(rule: CompiledRule, surface: string): boolean {
  return rule.surfaces.some((glob) => glob(surface));
}

function select(rules: readonly CompiledRule[], surface: string, target: Target): Candidates {
  const fitting = rules.filter((rule) => appliesTo(rule, surface) && speaksOf(rule, target));
  if (fitting.length === 0) return NONE;
  return {
    denies: fitting.filter((rule) => rule.effect === 'deny'),
    allows: fitting.filter((rule) => rule.effect === 'allow'),
  };
}

function speaksOf(rule: CompiledRule, { kind, server, name }: Target): boolean {
  const patterns = rule.targets[kind];
  if (typeof patterns === 'string') return patterns === 'all';
  return patterns.some((pattern) => pattern.server(server) && pattern.name(name));
}

/** Remembers what `find` gave, for so many targets; all are forgotten at the bound, which only random names reach. */
function remember(find: CompiledPolicies['candidates']): CompiledPolicies['candidates'] {
  const known = new Map<string, Candidates>();
  return (surface, target) => {
    const { kind, server, name } = target;
    // No target has such a name, and a glob over a name of megabytes would be work for nothing.
    if (name.length > LIMITS.targetNameCharsMax) return NONE;
    // Lengths in front: no two targets share a key, whatever their names contain.
    const key = `${kind} ${surface.length} ${server.length} ${surface}${server}${name}`;
    let candidates = known.get(key);
    if (candidates === undefined) {
      candidates = find(surface, target);
      if (known.size >= LIMITS.decisionTargetsMax) known.clear();
      known.set(key, candidates);
    }
    return candidates;
  };
}
