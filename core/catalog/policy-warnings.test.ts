import { expect, test } from 'vitest';
import { catalogOf, listed, readAs, serverOf, toolOf } from '../../test/support/catalog-world.ts';
import type { Policy, Rule } from '../policy/types.ts';
import { policyWarnings } from './policy-warnings.ts';

const REFUND = toolOf('refund', {
  inputSchema: { type: 'object', properties: { amount: { type: 'number' } }, additionalProperties: false },
});
const CATALOG = catalogOf({ servers: [readAs('payments', [], { tools: listed(REFUND, toolOf('post')) })] });
const policyOf = (rule: Partial<Rule>): Policy => ({
  name: 'p',
  version: 'tbac/v1',
  mode: 'enforce',
  surfaces: ['*'],
  rules: [{ id: 'r', effect: 'allow', ...rule }],
});

test.each<[string, Partial<Rule>, readonly string[]]>([
  ['what fits', { tools: ['payments/refund'], when: ['args.amount <= 5'] }, []],
  ['a glob that reaches something', { tools: ['payments/re*'] }, []],
  ['a label that nothing has yet, and everything', { tools: ['@egress', '*'] }, []],
  [
    'a name that no tool has',
    { tools: ['payments/refunds', 'payments/post'] },
    ['rule r: "payments/refunds" is no tool of a server that was read'],
  ],
  [
    'an argument that the tool does not have',
    { tools: ['payments/refund'], when: ['args.amonut <= 5'] },
    [expect.stringMatching(/^rule r: .*amonut.*amount.* \(payments\/refund\)$/)],
  ],
  [
    'a text that is compared with a number, in when of an approval',
    { tools: ['payments/*'], obligations: { approve: { when: 'args.amount > "5"', by: { groups: ['a'] } } } },
    ['rule r: args.amount is a number, and "5" is a string (payments/refund)'],
  ],
])('%s', (_, rule, wanted) => {
  expect(policyWarnings(CATALOG, policyOf(rule))).toEqual(wanted);
});

test('not of what a server may have that was not read yet', () => {
  const servers = [...CATALOG.servers.values(), serverOf('new', [], { discovered: null })];
  const tools = ['new/any', '*w/any', 'other/any'];
  expect(policyWarnings(catalogOf({ servers }), policyOf({ tools }))).toEqual([
    'rule r: "other/any" is no tool of a server that was read',
  ]);
});

test('of nothing while no server was read', () => {
  expect(policyWarnings(catalogOf({ servers: [] }), policyOf({ tools: ['payments/refunds'] }))).toEqual([]);
});
