// Decides what policies come to at the least and at the most when nobody knows a caller's claims any more.
import type { Policy, Rule, Who } from '../../core/policy/types.ts';

/**
 * `strict`: rules that deny by claims deny, rules that allow by claims do not allow; `lenient` the other way round. What
 * both come to is certain.
 */
export function supposingClaims(policies: readonly Policy[], suppose: 'strict' | 'lenient'): readonly Policy[] {
  return policies.map((policy) => {
    const rules = policy.rules.flatMap((rule) => {
      const fits = (rule.effect === 'deny') === (suppose === 'strict');
      return readsClaims(rule) ? supposed(rule, fits) : [rule];
    });
    return { ...policy, rules };
  });
}

export function readsClaims({ who }: Rule): boolean {
  return who?.claims !== undefined || who?.not?.claims !== undefined;
}

/** With claims that fit, or do not; of nobody there is no rule. */
function supposed(rule: Rule, fits: boolean): readonly Rule[] {
  const { claims, not, ...others } = rule.who ?? {};
  if (claims !== undefined && !fits) return [];
  const excluded = not?.claims === undefined ? not : excludedBy(not, !fits);
  if (excluded === 'everybody') return [];
  const who: Who = { ...others, ...(excluded === undefined ? {} : { not: excluded }) };
  return [{ ...rule, who }];
}

/** Who is left out when the claims of those who are left out fit, or do not; undefined: nobody. */
function excludedBy({ claims: _, ...others }: Who, fits: boolean): Who | 'everybody' | undefined {
  if (!fits) return undefined;
  return Object.keys(others).length === 0 ? 'everybody' : others;
}
