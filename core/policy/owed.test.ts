import { expect, test } from 'vitest';
import { decided, policyWith } from '../../test/support/policy-questions.ts';
import { LIMITS } from '../limits.ts';
import type { Approve, ObligationsDocument, Rule } from './types.ts';

const owing = (obligations: ObligationsDocument, over: Partial<Rule> = {}): Partial<Rule> => ({ obligations, ...over });
const BY: Approve['by'] = { groups: ['leads'] };

test('a call that owes nothing', () => {
  expect(decided(policyWith([{}])).obligations).toBeNull();
});

test('each obligation, with the rule that it comes from', () => {
  const rule = owing(
    {
      rate: [{ calls: 20, per: '1h', by: ['principal', 'tool'] }],
      budget: [{ bytes: 100, tokens: 5, per: '7d', by: ['task'] }],
      approve: { by: BY, within: '2h' },
      redact: ['b', 'a', 'b'],
      labels: ['y', 'x'],
    },
    { reason: 'money', task: ['t*'] },
  );
  expect(decided(policyWith([rule]), { principal: { tasks: ['t1'] } }).obligations).toEqual({
    quotas: [
      {
        quota: { id: 'p/r0#0', unit: 'calls', limit: 20, windowMs: 3_600_000, by: ['principal', 'tool'] },
        task: 't1',
      },
      { quota: { id: 'p/r0#1', unit: 'bytes', limit: 100, windowMs: 604_800_000, by: ['task'] }, task: 't1' },
      { quota: { id: 'p/r0#2', unit: 'tokens', limit: 5, windowMs: 604_800_000, by: ['task'] }, task: 't1' },
    ],
    approvals: [{ rule: 'p/r0', by: BY, withinMs: 7_200_000, reason: 'money' }],
    redact: ['a', 'b'],
    labels: ['x', 'y'],
  });
});

test('those of every rule that allows the call bind, also of a wider one and of another policy', () => {
  const narrow = policyWith([owing({ approve: { by: BY }, redact: ['a'] }, { tools: ['pay/refund'] }), {}], {
    name: 'a',
  });
  const wide = policyWith([owing({ labels: ['money'], redact: ['b', 'a'] })], { name: 'b' });
  for (const policies of [
    [narrow, wide],
    [wide, narrow],
  ]) {
    const { ruleIds, obligations } = decided(policies);
    expect(ruleIds).toEqual(['a/r0', 'a/r1', 'b/r0']);
    expect(obligations).toEqual({
      quotas: [],
      approvals: [{ rule: 'a/r0', by: BY, withinMs: LIMITS.approvalWithinMs, reason: '' }],
      redact: ['a', 'b'],
      labels: ['money'],
    });
  }
});

test('a rule that does not allow the call binds nobody', () => {
  const rule = owing({ labels: ['x'] }, { when: ['args.amount > 5'] });
  expect(decided(policyWith([{}, rule]), { args: { amount: 5 } }).obligations).toBeNull();
  expect(decided(policyWith([{}, rule]), { args: { amount: 6 } }).obligations?.labels).toEqual(['x']);
});

test('a call that is denied owes nothing', () => {
  expect(decided(policyWith([owing({ labels: ['x'] }), { effect: 'deny' }])).obligations).toBeNull();
});

test.each([
  ['true', { amount: 201 }, true, 0],
  ['false: it is not asked for', { amount: 200 }, false, 0],
  ['indeterminate: it is asked for', {}, true, 1],
  ['of a text: it is asked for', { amount: '1' }, true, 1],
])('an approval whose condition is %s', (_, args, asked, failed) => {
  const policy = policyWith([owing({ approve: { by: BY, when: 'args.amount > 200' } })]);
  const { allowed, obligations, indeterminate } = decided(policy, { args });
  expect({ allowed, asked: obligations !== null, failed: indeterminate.length }).toEqual({
    allowed: true,
    asked,
    failed,
  });
});

test('an approval whose condition is none is always asked for', () => {
  const policy = policyWith([owing({ approve: { by: BY, when: 'args.amount >' } })]);
  expect(decided(policy).obligations?.approvals).toHaveLength(1);
});

test.each<[string, ObligationsDocument]>([
  ['a window that cannot be read', { rate: [{ calls: 1, per: '1 hour', by: ['principal'] }] }],
  ['a window that is too long', { rate: [{ calls: 1, per: '9999d', by: ['principal'] }] }],
  ['a quota of nothing', { rate: [{ per: '1h', by: ['principal'] }] }],
  ['an approval for a time that cannot be read', { approve: { by: BY, within: 'soon' } }],
])('a rule that owes %s allows nothing', (_, obligations) => {
  expect(decided(policyWith([owing(obligations)])).allowed).toBe(false);
});
