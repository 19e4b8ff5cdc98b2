import { expect, test } from 'vitest';
import { decided, isListed, policyWith } from '../../test/support/policy-questions.ts';

const refund = { who: { scopes: ['pay:write', 'pay:all'] } };

test('a scope that is missing is named, and the tool is listed for who may ask for it', () => {
  expect(decided(policyWith([refund]))).toMatchObject({ allowed: false, ruleIds: [], missingScopes: ['pay:write'] });
  expect(isListed(policyWith([refund]))).toBe(true);
});

test.each([
  ['he has it', { scopes: ['pay:all'] }, refund],
  ['another member of who fits him not', {}, { who: { scopes: ['pay:write'], groups: ['leads'] } }],
  ['he lacks the task', {}, { ...refund, task: ['refunds'] }],
])('no scope is named when %s', (_, principal, rule) => {
  expect(decided(policyWith([rule]), { principal }).missingScopes).toEqual([]);
});

test('no scope is named where a rule denies', () => {
  const policy = policyWith([refund, { effect: 'deny' }]);
  expect(decided(policy)).toMatchObject({ ruleIds: ['p/r1'], missingScopes: [] });
  expect(isListed(policy)).toBe(false);
});

test('a scope that would not help is not named: the arguments are too large', () => {
  const policy = policyWith([{ ...refund, when: ['args.amount <= 5'] }]);
  expect(decided(policy, { args: { amount: 6 } }).missingScopes).toEqual([]);
  expect(decided(policy, { args: { amount: 5 } }).missingScopes).toEqual(['pay:write']);
  expect(isListed(policy), 'some call would be allowed').toBe(true);
});

test('a scope in not is never asked for', () => {
  const policy = policyWith([{ who: { not: { scopes: ['robot'] } } }]);
  expect(decided(policy, { principal: { scopes: ['robot'] } }).missingScopes).toEqual([]);
});
