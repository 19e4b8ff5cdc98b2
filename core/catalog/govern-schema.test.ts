import { expect, test } from 'vitest';
import {
  catalogOf,
  listed,
  messageOf,
  principalOf,
  readAs,
  request,
  surfaceOf,
  toolOf,
  viewerOf,
} from '../../test/support/ext-proc-world.ts';
import type { Principal, Rule } from '../policy/types.ts';
import { govern, type Verdict, type Viewer } from './govern.ts';

const INPUT = {
  type: 'object',
  properties: { amount: { type: 'number' }, note: { type: 'string' } },
  required: ['amount'],
};
const SERVERS = [
  readAs('pay', [], {
    tools: listed(toolOf('refund', { inputSchema: INPUT }), toolOf('odd', { inputSchema: { type: 'nothing' } })),
  }),
];

function viewerWith(
  rules: readonly Partial<Rule>[],
  protocolVersion = '2025-11-25',
  over: Partial<Principal> = {},
): Viewer {
  const whole = rules.map((rule, index): Rule => ({ id: `r${index}`, effect: 'allow', tools: ['*'], ...rule }));
  const policies = [{ name: 'p', version: 'tbac/v1', mode: 'enforce', surfaces: ['*'], rules: whole }] as const;
  const catalog = catalogOf({ servers: SERVERS, policies, surfaces: [surfaceOf('one', ['pay'])] });
  const viewer = viewerOf(catalog, 'one', principalOf('alice', { claims: { sub: 'alice' }, ...over }));
  return { ...viewer, situation: { ...viewer.situation, protocolVersion } };
}

function refund(text: string, viewer: Viewer, name = 'refund'): Verdict {
  const message = JSON.stringify(request('tools/call', { name, arguments: '@' })).replace('"@"', text);
  return govern(messageOf(message), viewer);
}

const SMALL: Partial<Rule> = { when: ['args.amount <= 500'] };

test.each<[string, string, string]>([
  ['a text for a number', '{"amount":"20000"}', '/amount must be number'],
  ['a missing argument', '{}', "must have required property 'amount'"],
  ['arguments that are a list', '[]', 'arguments must be an object'],
])(
  '%s is told to the model from 2025-11-25 on, and as invalid params before, whatever the rules say',
  (_, text, words) => {
    for (const rules of [[SMALL], [{}], [{}, { ...SMALL, effect: 'deny' as const }]]) {
      const now = refund(text, viewerWith(rules));
      const before = refund(text, viewerWith(rules, '2025-06-18'));
      expect(now).toMatchObject({ kind: 'refused', code: 'invalid_params', result: expect.stringContaining(words) });
      expect(before).toMatchObject({ kind: 'refused', code: 'invalid_params', detail: expect.stringContaining(words) });
      expect(before).not.toHaveProperty('result');
    }
  },
);

test('arguments that fit are decided by the rules', () => {
  expect(refund('{"amount":500}', viewerWith([SMALL])).kind).toBe('call');
  expect(refund('{"amount":501}', viewerWith([SMALL]))).toMatchObject({
    kind: 'refused',
    code: 'policy_denied',
    detail: 'no rule allows it',
    data: { decision: 'd1', rules: [] },
  });
});

test('arguments beyond the schema are seen by the rules, where the schema lets them through', () => {
  const viewer = viewerWith([{ when: ['!has(args.extra)'] }]);
  expect(refund('{"amount":1}', viewer).kind).toBe('call');
  expect(refund('{"amount":1,"extra":1}', viewer)).toMatchObject({ code: 'policy_denied' });
});

test('a tool that is seen is denied with the reason and the rules', () => {
  const deny: Partial<Rule> = { id: 'big', effect: 'deny', when: ['args.amount > 500'], reason: 'too much' };
  expect(refund('{"amount":501}', viewerWith([{}, deny]))).toMatchObject({
    code: 'policy_denied',
    detail: 'too much',
    data: { decision: 'd1', rules: ['p/big'] },
  });
});

test.each<[string, readonly Partial<Rule>[]]>([
  ['no rule speaks of it', []],
  ['a rule surely denies it', [{}, { effect: 'deny', reason: 'too much' }]],
  ['its rule asks for a group that he has not', [{ who: { groups: ['leads'] }, reason: 'leads only' }]],
  ['a condition is false whatever the arguments are', [{ when: ['jwt.sub == "bob" && args.amount < 5'] }]],
])('a tool stays unknown when %s, even for arguments that do not fit', (_, rules) => {
  for (const text of ['{"amount":1}', '{"amount":"x"}']) {
    const verdict = refund(text, viewerWith(rules.length === 0 ? [{ tools: ['other/*'] }] : rules));
    expect(verdict).toMatchObject({ kind: 'refused', code: 'unknown_tool', detail: 'refund' });
    expect(verdict).not.toHaveProperty('data');
    expect(verdict).not.toHaveProperty('result');
  }
});

test('a scope that is missing is asked for', () => {
  const rules = [{ who: { scopes: ['pay:write'] } }];
  expect(refund('{"amount":1}', viewerWith(rules))).toMatchObject({
    code: 'insufficient_scope',
    missingScopes: ['pay:write'],
  });
  expect(refund('{"amount":1}', viewerWith(rules, '2025-11-25', { scopes: ['pay:write'] })).kind).toBe('call');
});

test('a tool whose schema cannot be checked is unknown to everybody', () => {
  expect(refund('{}', viewerWith([{}]), 'odd')).toMatchObject({ kind: 'refused', code: 'unknown_tool' });
});

test.each<[string, string, readonly Partial<Rule>[], 'call' | 'refused']>([
  ['an optional argument is left out by null', '{"amount":1,"note":null}', [{}], 'call'],
  ['one that is required is not', '{"amount":null}', [{}], 'refused'],
  ['one that nobody declares is as it is', '{"amount":1,"x":null}', [{}], 'call'],
  ['rules see the null', '{"amount":1,"note":null}', [{ when: ['args.note == null'] }], 'call'],
  ['of which no text can be asked', '{"amount":1,"note":null}', [{ when: ['args.note.startsWith("a")'] }], 'refused'],
  [
    'and a denial that asks one holds',
    '{"amount":1,"note":null}',
    [{}, { effect: 'deny', when: ['args.note.startsWith("a")'] }],
    'refused',
  ],
])('%s', (_, text, rules, kind) => {
  expect(refund(text, viewerWith(rules)).kind).toBe(kind);
});
