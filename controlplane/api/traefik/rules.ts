// Decides how policies of which the first that matches counts become rules that have no order.
import { compileCondition } from '../../../core/policy/cel/compile.ts';
import { type Rule, TARGET_MEMBERS } from '../../../core/policy/types.ts';
import { type Expression, Untranslatable } from './expression.ts';
import { METHODS, type Method } from './keys.ts';
import { celOf, negated, type Residue, refusedIn, residueOf } from './residue.ts';

export interface TraefikPolicy {
  readonly match: Expression;
  readonly action: 'allow' | 'deny';
}

/** One policy for one method, when it is reached. */
interface Step {
  readonly index: number;
  readonly action: 'allow' | 'deny';
  readonly residue: Residue;
}

export interface TranslatedRules {
  readonly rules: readonly Rule[];
  /** Policies that no call depends on: about other messages, or behind one that always matches. */
  readonly unused: readonly { readonly index: number; readonly isReached: boolean }[];
}

/** Where something cannot be translated: in which policy, and at which place of its expression. */
export class PolicyUntranslatable extends Error {
  readonly index: number;
  readonly at: number;
  constructor(index: number, { message, at }: Untranslatable) {
    super(message);
    this.index = index;
    this.at = at;
  }
}

/** `server`: whose tools these are; null: everybody's. Throws `PolicyUntranslatable`. */
export function rulesOf(
  policies: readonly TraefikPolicy[],
  defaultAction: 'allow' | 'deny',
  server: string | null,
): TranslatedRules {
  const used = new Set<number>();
  const perMethod = METHODS.map((method) => {
    const steps = stepsOf(policies, defaultAction, method);
    for (const { index } of steps) used.add(index);
    return { method, partial: steps.map((step, place) => partialRule(step, steps.slice(0, place), method, server)) };
  });
  const rules = (['tool', 'prompt', 'resource'] as const).flatMap((kind) =>
    withMethods(perMethod.filter(({ method }) => method.kind === kind)),
  );
  const unused = policies.flatMap(({ match }, index) =>
    used.has(index)
      ? []
      : [{ index, isReached: attempt(index, () => METHODS.every((method) => residueOf(match, method) === false)) }],
  );
  return { rules: numbered(rules), unused };
}

/** What is reached: a policy that surely matches is the last one. What is denied by default is denied here too. */
function stepsOf(policies: readonly TraefikPolicy[], defaultAction: 'allow' | 'deny', method: Method): readonly Step[] {
  const steps: Step[] = [];
  for (const [index, { match, action }] of policies.entries()) {
    const residue = attempt(index, () => {
      const left = residueOf(match, method);
      const refused = refusedIn(left);
      if (refused !== null) throw refused;
      return left;
    });
    if (residue === false) continue;
    steps.push({ index, action, residue });
    if (residue === true) return steps;
  }
  return defaultAction === 'deny' ? steps : [...steps, { index: policies.length, action: 'allow', residue: true }];
}

function attempt<Result>(index: number, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof Untranslatable) throw new PolicyUntranslatable(index, error);
    throw error;
  }
}

type UnnamedRule = Pick<Rule, 'effect' | 'when'> & { readonly index: number; readonly targets: readonly string[] };

/**
 * An allow counts unless a denial holds, so it needs nothing of what was before it. A denial holds where it matches and no
 * earlier policy allows: then the first that matches is a denial exactly when one holds.
 */
function partialRule(step: Step, before: readonly Step[], { kind }: Method, server: string | null): UnnamedRule {
  const earlier = step.action === 'allow' ? [] : before.filter(({ action }) => action === 'allow');
  const own = typeof step.residue === 'boolean' ? [] : 'all' in step.residue ? step.residue.all : [step.residue];
  // The first that only asks for the target's name becomes the rule's pattern.
  const named = kind === 'resource' ? -1 : own.findIndex((part) => 'cel' in part && part.names !== undefined);
  const found = own[named];
  const names = found !== undefined && 'cel' in found ? (found.names ?? []) : [];
  const conditions = [
    ...own.filter((_, place) => place !== named).map(celOf),
    ...earlier.flatMap(({ residue }) => {
      const not = negated(residue);
      return typeof not === 'boolean' ? [] : [celOf(not)];
    }),
  ];
  for (const condition of conditions) {
    const compiled = compileCondition(condition);
    if (!compiled.ok) throw new PolicyUntranslatable(step.index, new Untranslatable(compiled.problem, 0));
  }
  return {
    index: step.index,
    effect: step.action,
    targets:
      names.length > 0 ? names.map((name) => `${server ?? '*'}/${name}`) : [server === null ? '*' : `${server}/*`],
    ...(conditions.length === 0 ? {} : { when: conditions }),
  };
}

/** Rules that are the same for all methods of a kind are said once; others say for which method they are. */
function withMethods(
  methods: readonly { readonly method: Method; readonly partial: readonly UnnamedRule[] }[],
): readonly (UnnamedRule & { readonly kind: Method['kind'] })[] {
  const [first, ...others] = methods;
  if (first === undefined) return [];
  const { kind } = first.method;
  const text = JSON.stringify(first.partial);
  if (others.every(({ partial }) => JSON.stringify(partial) === text))
    return first.partial.map((rule) => ({ ...rule, kind }));
  return methods.flatMap(({ method, partial }) =>
    partial.map((rule) => ({ ...rule, kind, when: [`request.method == "${method.name}"`, ...(rule.when ?? [])] })),
  );
}

/** Named after the place of their policy, from 1; the default stands behind them. */
function numbered(rules: readonly (UnnamedRule & { readonly kind: Method['kind'] })[]): readonly Rule[] {
  const count = Math.max(0, ...rules.map(({ index }) => index));
  const seen = new Map<string, number>();
  return rules.map(({ index, kind, effect, targets, when }) => {
    const base = `p${String(index + 1).padStart(String(count + 1).length, '0')}-${TARGET_MEMBERS[kind]}`;
    const times = (seen.get(base) ?? 0) + 1;
    seen.set(base, times);
    const id = times === 1 ? base : `${base}-${times}`;
    return { id, effect, [TARGET_MEMBERS[kind]]: targets, ...(when === undefined ? {} : { when }) };
  });
}
