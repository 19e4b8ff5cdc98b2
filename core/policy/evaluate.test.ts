import { expect, test } from 'vitest';
import { type CallParts, decided, isListed, policyWith } from '../../test/support/policy-questions.ts';
import type { Rule } from './types.ts';

// Whether a rule with the conditions allows, and whether one that denies lets the call through.
type Row = readonly [string, readonly string[], CallParts, boolean, boolean];
const SMALL = 'args.amount <= 500';
const ROWS: readonly Row[] = [
  ['true', [SMALL], { args: { amount: 500 } }, true, false],
  ['false', [SMALL], { args: { amount: 501 } }, false, true],
  ['a missing key: an allow does not hold, a deny does', [SMALL], {}, false, false],
  ['a text for a number', [SMALL], { args: { amount: '20000' } }, false, false],
  ['null for a number', [SMALL], { args: { amount: null } }, false, false],
  ['another case of a key', [SMALL], { args: { Amount: 1 } }, false, false],
  ['a condition that is no boolean', ['args.amount'], { args: { amount: 1 } }, false, false],
  ['a text that is no condition', ['args.amount <'], { args: { amount: 1 } }, false, false],
  [
    'an error beside what is false: it does not hold at all',
    [SMALL, 'args.x > 1'],
    { args: { amount: 501 } },
    false,
    true,
  ],
  ['the same the other way round', ['args.x > 1', SMALL], { args: { amount: 501 } }, false, true],
  ['an error beside what is true', [SMALL, 'args.x > 1'], { args: { amount: 1 } }, false, false],
  ['both true', [SMALL, 'has(args.amount)'], { args: { amount: 1 } }, true, false],
  ['an address that is not known', ['request.address.inCidr("10.0.0.0/8")'], {}, false, false],
  ['an address that is', ['request.address.inCidr("10.0.0.0/8")'], { address: '10.1.1.1' }, true, false],
  ['a claim that is missing', ['jwt.tenant == "acme"'], {}, false, false],
  ['a label that an earlier call left', ['"private" in session.labels'], { labels: ['private'] }, true, false],
  ['a label that none left', ['"private" in session.labels'], { labels: ['other'] }, false, true],
  ['the time', ['time.getHours("UTC") == 12'], {}, true, false],
];

test.each(ROWS)('%s', (_, when, call, allowed, passed) => {
  expect(decided(policyWith([{ when }]), call).allowed).toBe(allowed);
  expect(decided(policyWith([{}, { effect: 'deny', when }]), call).allowed).toBe(passed);
});

test('what came to no value is told with its rule and condition, never with a value', () => {
  const policy = policyWith([{}, { effect: 'deny', id: 'big', when: ['args.amount > 500', 'args.secret == "x"'] }]);
  const { ruleIds, indeterminate } = decided(policy, { args: { amount: 'hunter2' } });
  expect(ruleIds).toEqual(['p/big']);
  expect(indeterminate).toEqual([
    { rule: 'p/big', condition: 'args.amount > 500', why: 'a string > a number is nothing' },
    { rule: 'p/big', condition: 'args.secret == "x"', why: 'there is no "secret"' },
  ]);
});

test('an error in one rule does not touch another', () => {
  const failing: Partial<Rule> = { when: ['args.nope > 1'] };
  const policy = policyWith([failing, { when: [SMALL] }, { ...failing, effect: 'deny', tools: ['other/*'] }]);
  const decision = decided(policy, { args: { amount: 1 } });
  expect(decision).toMatchObject({ allowed: true, ruleIds: ['p/r1'] });
  expect(decision.indeterminate.map(({ rule }) => rule)).toEqual(['p/r0']);
});

test('an error is not told of a rule that does not hold anyway', () => {
  const policy = policyWith([{}, { effect: 'deny', when: ['args.nope > 1', 'false'] }]);
  expect(decided(policy)).toMatchObject({ allowed: true, indeterminate: [] });
});

// Whether a list shows it: when the condition allows, and when it denies.
const LISTED: readonly (readonly [string, readonly string[], CallParts, boolean, boolean])[] = [
  ['what depends on arguments', [SMALL], {}, true, true],
  [
    'what is false whatever they are',
    [SMALL, 'jwt.tenant == "acme"'],
    { principal: { claims: { tenant: 'b' } } },
    false,
    true,
  ],
  ['what failed whatever they are', ['jwt.tenant == "acme"'], {}, false, false],
  ['what failed, beside what arguments may refute', ['jwt.tenant == "acme"', SMALL], {}, false, true],
  ['what arguments decide, or something true', [`${SMALL} || true`], {}, true, false],
  ['what arguments decide, or something that fails', [`${SMALL} || jwt.tenant == "acme"`], {}, true, true],
  ['what arguments decide, and something false', [`${SMALL} && false`], {}, false, true],
  ['a text that is no condition', ['args.x <'], {}, false, false],
];
test.each(LISTED)('%s, in a list', (_, when, call, allowing, denying) => {
  expect(isListed(policyWith([{ when }]), call)).toBe(allowing);
  expect(isListed(policyWith([{}, { effect: 'deny', when }]), call)).toBe(denying);
});

test('a rule is not listed by what earlier calls left', () => {
  const policy = policyWith([{}, { effect: 'deny', when: ['"private" in session.labels'] }]);
  expect([isListed(policy), isListed(policy, { labels: ['private'] })]).toEqual([true, false]);
});
