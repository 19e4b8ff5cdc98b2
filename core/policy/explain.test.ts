import { expect, test } from 'vitest';
import { type CallParts, policyWith, questionWith } from '../../test/support/policy-questions.ts';
import { compilePolicies } from './decide.ts';
import { explain } from './explain.ts';
import type { Policy } from './types.ts';

const explained = (policy: Policy, parts: CallParts = {}) => explain(compilePolicies([policy]), questionWith(parts));

test('every rule is told, with each part that does not fit', () => {
  const policy = policyWith(
    [
      { who: { groups: ['leads'], scopes: ['pay'], networks: ['10.0.0.0/8'] } },
      { tools: ['other/*'] },
      { task: ['refunds'] },
      { who: { not: { subjects: ['al*'] } } },
      { effect: 'deny', when: ['args.amount > 500'] },
    ],
    { surfaces: ['default'] },
  );
  const { decision, rules } = explained(policy, { args: { amount: 100 }, principal: { scopes: ['pay'] } });
  expect(decision.allowed).toBe(false);
  expect(rules).toEqual([
    expect.objectContaining({ rule: 'p/r0', holds: 'false', target: true, whoFails: ['groups', 'networks'] }),
    expect.objectContaining({ rule: 'p/r1', holds: 'false', target: false, task: true, whoFails: [] }),
    expect.objectContaining({ rule: 'p/r2', holds: 'false', task: false }),
    expect.objectContaining({ rule: 'p/r3', holds: 'false', whoFails: ['not'] }),
    expect.objectContaining({ rule: 'p/r4', effect: 'deny', holds: 'false', whoFails: [] }),
  ]);
  expect(explained(policy, { surface: 'ops' }).rules.every(({ surface }) => !surface)).toBe(true);
});

test('a condition is told with the value of each of its parts', () => {
  const [rule] = explained(policyWith([{ when: ['args.amount <= jwt.limit'] }]), {
    args: { amount: 7 },
    principal: { claims: { limit: 5 } },
  }).rules;
  expect(rule?.conditions[0]).toMatchObject({ text: 'args.amount <= jwt.limit', truth: 'false' });
  expect(rule?.conditions[0]?.trace).toEqual(
    expect.arrayContaining([
      { text: 'args.amount', value: '7' },
      { text: 'jwt.limit', value: '5' },
    ]),
  );
});

test('a condition that failed says why', () => {
  const [rule] = explained(policyWith([{ when: ['args.amount <= 5', 'args.x <'] }])).rules;
  expect(rule?.holds).toBe('indeterminate');
  expect(rule?.conditions.map(({ why }) => why)).toEqual(['there is no "amount"', 'it is no condition']);
});

test('whether it is listed does not depend on the arguments of the call', () => {
  const policy = policyWith([{ when: ['args.amount <= 5'] }]);
  const { decision, listed } = explained(policy, { args: { amount: 6 } });
  expect({ allowed: decision.allowed, listed }).toEqual({ allowed: false, listed: true });
});

test('without arguments a condition may be unknown', () => {
  const { args: _, ...question } = questionWith();
  const compiled = compilePolicies([policyWith([{ when: ['args.amount <= 5'] }])]);
  expect(explain(compiled, question).rules[0]?.holds).toBe('unknown');
});

test('a rule in shadow is told as one', () => {
  expect(explained(policyWith([{}], { mode: 'shadow' })).rules[0]).toMatchObject({ mode: 'shadow', holds: 'true' });
});
