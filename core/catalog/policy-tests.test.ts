import { expect, test } from 'vitest';
import type { Policy, PolicyTest } from '../policy/types.ts';
import { selfTest } from './policy-tests.ts';

const POLICY: Policy = {
  name: 'money',
  version: 'tbac/v1',
  mode: 'shadow',
  surfaces: ['support'],
  rules: [
    {
      id: 'small',
      effect: 'allow',
      who: { groups: ['support'] },
      task: ['refunds'],
      tools: ['pay/refund'],
      when: ['args.amount <= 500'],
      obligations: { approve: { when: 'args.amount > 200', by: { groups: ['leads'] } } },
    },
    { id: 'read', effect: 'allow', prompts: ['pay/*'], resources: ['pay/docs://*'], when: ['time.getHours() >= 8'] },
    { id: 'egress', effect: 'deny', tools: ['@egress'], when: ['"private" in session.labels'] },
    {
      id: 'lead',
      effect: 'allow',
      tools: [{ match: 'crm/*', annotations: { readOnlyHint: true } }],
      when: ['request.address.inCidr("10.0.0.0/8")'],
    },
  ],
};
const ALICE = { groups: ['support'], tasks: ['refunds'] };
const call = (amount: number, over: Partial<PolicyTest> = {}): PolicyTest => ({
  surface: 'support',
  as: ALICE,
  call: { tool: 'pay/refund', args: { amount } },
  ...over,
});

test.each<[string, PolicyTest]>([
  ['an allow', call(100, { expect: 'allow' })],
  ['an allow by its rule', call(200, { expect: 'allow small' })],
  ['a call that waits for a person', call(201, { expect: 'approve' })],
  ['the same by its rule', call(500, { expect: 'approve small' })],
  ['a denial by default', call(501, { expect: 'deny' })],
  [
    'a denial by a rule',
    call(1, { session: ['private'], facts: { 'pay/refund': { labels: { egress: '' } } }, expect: 'deny egress' }),
  ],
  ['another surface', call(1, { surface: 'ops', expect: 'deny' })],
  ['somebody else', call(1, { as: {}, expect: 'deny' })],
  [
    'arguments that do not fit the schema',
    call(1, {
      facts: { 'pay/refund': { inputSchema: { type: 'object', required: ['order'] } } },
      expect: 'deny schema',
    }),
  ],
  [
    'a schema that is none',
    call(1, { facts: { 'pay/refund': { inputSchema: { type: 'nothing' } } }, expect: 'deny schema' }),
  ],
  ['a prompt', { surface: 'support', call: { prompt: 'pay/intro' }, expect: 'allow read' }],
  ['a resource', { surface: 'support', call: { resource: 'pay/docs://a' }, expect: 'allow read' }],
  ['a time', { surface: 'support', at: '2026-01-01T07:59:59Z', call: { prompt: 'pay/intro' }, expect: 'deny' }],
  [
    'an address, and what an operator says of a tool',
    {
      surface: 'support',
      as: { address: '10.0.0.1' },
      facts: { 'crm/x': { overrides: { readOnlyHint: true } } },
      call: { tool: 'crm/x' },
      expect: 'allow lead',
    },
  ],
  [
    'what only the server says of it',
    {
      surface: 'support',
      as: { address: '10.0.0.1' },
      facts: { 'crm/x': { annotations: { readOnlyHint: true } } },
      call: { tool: 'crm/x' },
      expect: 'deny',
    },
  ],
  ['a list', { surface: 'support', as: ALICE, list: 'tools', shown: ['pay/refund'], hidden: ['pay/other', 'nothing'] }],
  [
    'a list of resources',
    { surface: 'support', list: 'resources', shown: ['pay/docs://x'], hidden: ['pay/file:///x'] },
  ],
])('%s passes', (_, one) => {
  expect(selfTest(POLICY, [one])).toEqual([]);
});

test.each<[string, PolicyTest, string]>([
  ['another outcome', call(501, { expect: 'allow' }), 'found "deny", wanted "allow"'],
  [
    'an approval is no allow',
    call(201, { expect: 'allow small' }),
    'found "approve" or "approve small", wanted "allow small"',
  ],
  [
    'another rule',
    call(1, { expect: 'allow read' }),
    'found "allow" or "allow small", wanted "allow read": another target',
  ],
  [
    'a condition',
    call(501, { expect: 'allow small' }),
    'found "deny", wanted "allow small": args.amount <= 500 is false',
  ],
  [
    'a rule that is not there',
    call(501, { expect: 'allow tiny' }),
    'found "deny", wanted "allow tiny": no rule has the id "tiny"',
  ],
  ['a call of no server', call(1, { call: { tool: 'refund' }, expect: 'deny' }), 'the call must name "SERVER/NAME"'],
  [
    'what is shown',
    { surface: 'support', list: 'tools', hidden: ['pay/refund'], as: ALICE },
    '"pay/refund" is shown, wanted hidden',
  ],
  [
    'what is hidden',
    { surface: 'support', list: 'tools', shown: ['pay/refund'] },
    '"pay/refund" is hidden, wanted shown',
  ],
])('%s fails', (_, one, message) => {
  expect(selfTest(POLICY, [{ ...one, name: 'n' }])).toEqual([{ index: 0, name: 'n', message }]);
});

test('a test without a name has its place', () => {
  expect(selfTest(POLICY, [call(1, { expect: 'allow' }), call(1, { expect: 'deny' })])).toMatchObject([
    { index: 1, name: 'test 2' },
  ]);
});
