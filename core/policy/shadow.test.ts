import { expect, test } from 'vitest';
import { decided, isListed, policyWith } from '../../test/support/policy-questions.ts';

const shadow = { mode: 'shadow', name: 's' } as const;

test('what a policy in shadow would refuse is allowed, and told', () => {
  const policies = [policyWith([{}]), policyWith([{ effect: 'deny', id: 'no' }], shadow)];
  expect(decided(policies)).toMatchObject({
    allowed: true,
    ruleIds: ['p/r0'],
    shadow: { allowed: false, ruleIds: ['s/no'] },
  });
  expect(isListed(policies)).toBe(true);
});

test('what a policy in shadow would allow is refused, and told', () => {
  const policies = [policyWith([{ tools: ['other/*'] }]), policyWith([{ id: 'yes' }], shadow)];
  expect(decided(policies)).toMatchObject({
    allowed: false,
    ruleIds: [],
    shadow: { allowed: true, ruleIds: ['s/yes'] },
  });
  expect(isListed(policies)).toBe(false);
});

test('an outcome that stays the same is not told', () => {
  const policies = [policyWith([{}]), policyWith([{ effect: 'deny', when: ['args.amount > 5'] }], shadow)];
  expect(decided(policies, { args: { amount: 5 } }).shadow).toBeNull();
  expect(decided(policies, { args: { amount: 6 } }).shadow).toEqual({ allowed: false, ruleIds: ['s/r0'] });
});

test('a rule in shadow owes nothing, fails nothing and asks for no scope', () => {
  const rule = { when: ['args.nope'], obligations: { labels: ['x'] } };
  const policies = [policyWith([{}]), policyWith([rule, { who: { scopes: ['more'] } }], shadow)];
  expect(decided(policies)).toMatchObject({ obligations: null, indeterminate: [], missingScopes: [] });
});

test('without a policy in shadow there is nothing to tell', () => {
  expect(decided(policyWith([{}])).shadow).toBeNull();
});
