import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ARGUMENTS, type Asked } from '../../test/support/policy-conditions.ts';
import { askedOf, policiesOf, ruleOf } from '../../test/support/policy-world.ts';
import { slowDecide, slowSurely } from '../../test/support/slow-policy.ts';
import { advertised } from '../arguments/advertised.ts';
import { compileSchema } from '../arguments/schema.ts';
import type { JsonObject } from '../json.ts';
import { residualOf } from './cel/residual.ts';
import { compilePolicies, type DecisionQuestion, decide, visible } from './decide.ts';
import { explain } from './explain.ts';
import type { Decision, Policy, Rule } from './types.ts';

function questionOf(asked: Asked): DecisionQuestion {
  const { surface, principal, target, args, labels, address, nowMs } = asked;
  const request = { method: 'tools/call', era: 'legacy', protocolVersion: '2025-11-25', address } as const;
  return {
    ...{ surface, principal, target, request, nowMs, id: 'd', revision: 1 },
    args: () => args,
    labels: () => labels,
  };
}

function listQuestion(asked: Asked): DecisionQuestion {
  const { args: _, ...question } = questionOf(asked);
  return question;
}

/** As the slow one says it. */
function told({ id: _, revision: __, indeterminate, ...decision }: Decision) {
  return { ...decision, indeterminate: indeterminate.map(({ rule, condition }) => `${rule} ${condition}`).sort() };
}

const calls = fc.array(askedOf, { minLength: 4, maxLength: 8 });

test('random policies: the evaluator decides as the slow one does, in any order of policies and rules', () => {
  const seen = { allowed: 0, denied: 0, byDefault: 0, shadow: 0, owed: 0, failed: 0, scopes: 0 };
  fc.assert(
    fc.property(policiesOf, calls, (policies, list) => {
      const reversed = [...policies].reverse().map((policy) => ({ ...policy, rules: [...policy.rules].reverse() }));
      const compiled = compilePolicies(policies);
      const others = [compiled, compilePolicies(reversed)];
      for (const asked of list) {
        const wanted = slowDecide(policies, asked);
        for (const one of [...others, compilePolicies(policies, asked.surface)])
          expect(told(decide(one, questionOf(asked)))).toEqual(wanted);
        seen[wanted.allowed ? 'allowed' : wanted.ruleIds.length > 0 ? 'denied' : 'byDefault']++;
        if (wanted.shadow !== null) seen.shadow++;
        if (wanted.obligations !== null) seen.owed++;
        if (wanted.indeterminate.length > 0) seen.failed++;
        if (wanted.missingScopes.length > 0) seen.scopes++;
      }
    }),
    { numRuns: 1000 },
  );
  // The world is one in which each outcome is common, or the property would say little.
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(10);
});

test('random policies: what is not listed can be called with no arguments at all', () => {
  const seen = { hidden: 0, sure: 0 };
  fc.assert(
    fc.property(policiesOf, askedOf, (policies, asked) => {
      const compiled = compilePolicies(policies);
      const { shown } = visible(compiled, listQuestion(asked));
      if (!shown) {
        seen.hidden++;
        for (const args of ARGUMENTS) expect(decide(compiled, questionOf({ ...asked, args })).allowed).toBe(false);
      }
      // What can surely be called is listed.
      if (slowSurely(policies, asked)) {
        seen.sure++;
        expect(shown).toBe(true);
        for (const args of ARGUMENTS) expect(decide(compiled, questionOf({ ...asked, args })).allowed).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(10);
});

const SCHEMAS: readonly JsonObject[] = [
  { type: 'object', properties: { amount: {}, tenant: {}, note: {}, tags: {} } },
  {
    type: 'object',
    properties: { amount: { type: 'number' }, tenant: { type: 'string', maxLength: 5 }, note: { type: 'string' } },
  },
  { type: 'object', properties: { amount: { type: ['number', 'null'], maximum: 8 } }, required: ['amount'] },
  { type: 'object' },
];

test('random policies: a rule never allows arguments that its advertised schema refuses', () => {
  const seen = { refused: 0, allowed: 0 };
  const schemas = fc.constantFrom(...SCHEMAS);
  fc.assert(
    fc.property(policiesOf, askedOf, schemas, (policies, asked, schema) => {
      const compiled = compilePolicies(policies);
      const { allowing, scope } = visible(compiled, listQuestion(asked));
      const base = compileSchema(schema);
      for (const { rule } of allowing) {
        const residuals = rule.conditions.flatMap(({ condition }) =>
          condition === null ? [] : (residualOf(condition, scope) ?? []),
        );
        const shown = compileSchema(JSON.parse(advertised(JSON.stringify(schema), residuals)));
        if (!shown.ok || !base.ok) throw new Error('the schema does not compile');
        for (const args of ARGUMENTS) {
          const { allowed, ruleIds } = decide(compiled, questionOf({ ...asked, args }));
          const isAllowed = allowed && ruleIds.includes(rule.id);
          if (isAllowed) seen.allowed++;
          if (base.check(args) !== null || shown.check(args) === null) continue;
          seen.refused++;
          expect(isAllowed, `${fc.stringify(args)}, ${fc.stringify(residuals)}`).toBe(false);
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(10);
});

test('random policies: one more deny rule never allows, one more allow rule never denies', () => {
  const extra = (rule: Rule, effect: Rule['effect']): Policy => {
    const { obligations: _, ...plain } = rule;
    return { name: 'extra', version: 'tbac/v1', mode: 'enforce', surfaces: ['*'], rules: [{ ...plain, effect }] };
  };
  fc.assert(
    fc.property(policiesOf, ruleOf, calls, (policies, rule, list) => {
      const base = compilePolicies(policies);
      const denying = compilePolicies([...policies, extra(rule, 'deny')]);
      const allowing = compilePolicies([...policies, extra(rule, 'allow')]);
      for (const asked of list) {
        const question = questionOf(asked);
        const { allowed, obligations } = decide(base, question);
        if (!allowed) expect(decide(denying, question).allowed).toBe(false);
        if (!allowed) continue;
        const more = decide(allowing, question);
        expect(more.allowed).toBe(true);
        // Nor does it take an obligation away.
        expect(more.obligations?.approvals.length ?? 0).toBeGreaterThanOrEqual(obligations?.approvals.length ?? 0);
        expect(more.obligations?.quotas.length ?? 0).toBeGreaterThanOrEqual(obligations?.quotas.length ?? 0);
      }
    }),
    { numRuns: 200 },
  );
});

test('random policies: a policy in shadow changes nothing of what is enforced', () => {
  fc.assert(
    fc.property(policiesOf, calls, (policies, list) => {
      const all = compilePolicies(policies);
      const enforced = compilePolicies(policies.filter(({ mode }) => mode === 'enforce'));
      for (const asked of list) {
        const { shadow: _, ...decision } = decide(all, questionOf(asked));
        const { shadow: __, ...wanted } = decide(enforced, questionOf(asked));
        expect(decision).toEqual(wanted);
        expect(visible(all, listQuestion(asked)).shown).toBe(visible(enforced, listQuestion(asked)).shown);
      }
    }),
    { numRuns: 200 },
  );
});

test('random policies: what is explained is what is decided', () => {
  fc.assert(
    fc.property(policiesOf, askedOf, (policies, asked) => {
      const compiled = compilePolicies(policies);
      const { decision, rules, listed } = explain(compiled, questionOf(asked));
      expect(decision).toEqual(decide(compiled, questionOf(asked)));
      expect(listed).toBe(visible(compiled, listQuestion(asked)).shown);
      const enforced = rules.filter(({ mode }) => mode === 'enforce');
      const denying = enforced.filter(({ effect, holds }) => effect === 'deny' && holds !== 'false');
      const allowing = enforced.filter(({ effect, holds }) => effect === 'allow' && holds === 'true');
      expect((denying.length > 0 ? denying : allowing).map(({ rule }) => rule)).toEqual(decision.ruleIds);
    }),
    { numRuns: 200 },
  );
});
