// Decides, at the wire and in every lane, that no way of writing the arguments of a call gets around a rule that reads them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LANES, type Lane, OF_EARLIER_VERSION, startWorld, type World } from '../support/tbac-world.ts';

// Ways that need no rule about arguments (names, keys of the message, headers, paths, sessions) are in attack.test.ts.

const AMOUNT = '{"type":"object","properties":{"amount":{"type":"number"}},"required":["amount"]}';
const TOOLS = {
  refund: `{"inputSchema":${AMOUNT}}`,
  strict: `{"inputSchema":${AMOUNT.replace(/}$/, ',"additionalProperties":false}')}}`,
  loose: '{"inputSchema":{"type":"object"}}',
  nested: `{"inputSchema":{"type":"object","properties":{"payment":${AMOUNT}},"required":["payment"]}}`,
  exact: '{"inputSchema":{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}}',
  send: '{"inputSchema":{"type":"object","properties":{"to":{"type":"string"}}}}',
  plain: '{"inputSchema":{"type":"object"}}',
  odd: '{"inputSchema":{"type":"object"}}',
  slow: '{"inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}',
};
const allow = (id: string, tools: readonly string[], when: readonly string[] = []): object => ({
  id,
  effect: 'allow',
  tools: tools.map((tool) => `*/${tool}`),
  ...(when.length > 0 && { when }),
});
const RULES = [
  allow('small', ['refund', 'strict', 'loose'], ['args.amount <= 500']),
  allow('small-nested', ['nested'], ['args.payment.amount <= 500']),
  allow('even', ['exact'], ['args.id == 9007199254740992']),
  allow('mail', ['send']),
  { id: 'no-evil', effect: 'deny', tools: ['*/send'], when: ['args.to.matches("(?s)^.*@evil\\\\.example$")'] },
  allow('unforced', ['plain'], ['!has(args.force)']),
  allow('known', ['odd'], ['args.key == "value"']),
  allow('words', ['slow']),
  { id: 'no-words', effect: 'deny', tools: ['*/slow'], when: ['args.text.matches("^(a+)+$")'] },
];

let world: World;
beforeAll(async () => {
  world = await startWorld({ tools: TOOLS, rules: RULES });
}, 180_000);
afterAll(() => world?.close());

const DENIED = '-32003 a policy does not allow this call: no rule allows it';
type Expected = string | RegExp;

/** `beside`: arguments that differ in one thing, and are allowed. */
const ROWS: readonly [attack: string, tool: string, args: string, expected: Expected, beside: string][] = [
  ['a string for a number', 'refund', '{"amount":"20"}', 'schema', '{"amount":20}'],
  ['a string for a number, where no schema says that', 'loose', '{"amount":"20"}', DENIED, '{"amount":20}'],
  ['a list for a number', 'loose', '{"amount":[20]}', DENIED, '{"amount":20}'],
  ['a null for a number', 'loose', '{"amount":null}', DENIED, '{"amount":20}'],
  ['a boolean for a number', 'loose', '{"amount":true}', DENIED, '{"amount":1}'],
  ['an object for a number', 'loose', '{"amount":{"valueOf":1}}', DENIED, '{"amount":1}'],
  ['a missing key', 'refund', '{}', 'schema', '{"amount":20}'],
  ['a missing key, where no schema says that', 'loose', '{}', DENIED, '{"amount":20}'],
  ['a missing key of a denial', 'send', '{}', /^-32003/, '{"to":"a@good.example"}'],
  ['a denial that applies', 'send', '{"to":"a@evil.example"}', /^-32003/, '{"to":"a@good.example"}'],
  [
    'a line feed before what is denied',
    'send',
    '{"to":"x\\na@evil.example"}',
    /^-32003/,
    '{"to":"x\\na@good.example"}',
  ],
  ['escapes in what is denied', 'send', '{"to":"a\\u0040evil.example"}', /^-32003/, '{"to":"a\\u0040good.example"}'],
  ['a wrong case of the key', 'refund', '{"Amount":20}', 'schema', '{"amount":20}'],
  ['a second key in another case', 'refund', '{"amount":20,"Amount":20000}', 'schema', '{"amount":20,"total":20000}'],
  ['a second key in another case before it', 'refund', '{"AMOUNT":20000,"amount":20}', 'schema', '{"amount":20}'],
  [
    'a second key in another case, where no schema says any',
    'loose',
    '{"amount":20,"Amount":20000}',
    'schema',
    '{"amount":20}',
  ],
  [
    'a second key in another case, further in',
    'nested',
    '{"payment":{"amount":20,"Amount":20000}}',
    'schema',
    '{"payment":{"amount":20,"more":1}}',
  ],
  ['a second key that folds to it', 'odd', '{"key":"value","\\u212aey":"other"}', 'schema', '{"key":"value"}'],
  ['a key that folds to it alone', 'odd', '{"\\u212aey":"value"}', DENIED, '{"key":"value"}'],
  ['a key that is denied', 'plain', '{"force":true}', DENIED, '{"other":true}'],
  ['an extra key, where the schema allows none', 'strict', '{"amount":1,"x":1}', 'schema', '{"amount":1}'],
  ['an extra key, which rules see', 'plain', '{"x":1,"force":true}', DENIED, '{"x":1}'],
  ['a duplicate key', 'refund', '{"amount":20,"amount":20000}', /^-32600/, '{"amount":20}'],
  ['a duplicate key, escaped', 'refund', '{"amount":20,"\\u0061mount":20000}', /^-32600/, '{"\\u0061mount":20}'],
  [
    'a duplicate key, further in',
    'nested',
    '{"payment":{"amount":1,"amount":2}}',
    /^-32600/,
    '{"payment":{"amount":1}}',
  ],
  ['an escaped key that is denied', 'plain', '{"\\u0066orce":true}', DENIED, '{"\\u0066orces":true}'],
  ['a key in wide letters', 'refund', '{"ａmount":20}', 'schema', '{"amount":20,"ａmount":20}'],
  ['a key in another normal form', 'odd', '{"ke\\u0301y":"value"}', DENIED, '{"key":"value"}'],
  ['a value in wide letters', 'odd', '{"key":"ｖalue"}', DENIED, '{"key":"value"}'],
  ['a value with what is not seen', 'odd', '{"key":"va\\u200blue"}', DENIED, '{"key":"value"}'],
  ['a value in another case', 'odd', '{"key":"Value"}', DENIED, '{"key":"value"}'],
  ['a value with a NUL behind it', 'odd', '{"key":"value\\u0000"}', DENIED, '{"key":"value"}'],
  ['a lone surrogate', 'odd', '{"key":"value\\ud800"}', 'schema', '{"key":"value"}'],
  ['2^53 + 1', 'exact', '{"id":9007199254740993}', DENIED, '{"id":9007199254740992}'],
  ['1e400', 'loose', '{"amount":1e400}', 'schema', '{"amount":1e2}'],
  ['-1e400', 'loose', '{"amount":-1e400}', 'schema', '{"amount":-1e2}'],
  ['a number that is a little more', 'loose', '{"amount":500.00000000000006}', DENIED, '{"amount":500.0}'],
  ['an exponent', 'loose', '{"amount":5E3}', DENIED, '{"amount":5E2}'],
  ['a prototype', 'loose', '{"__proto__":{"amount":20}}', DENIED, '{"amount":20,"__proto__":{"amount":20000}}'],
  ['a constructor', 'loose', '{"constructor":{"amount":20}}', DENIED, '{"amount":-0}'],
  ['arguments that are a list', 'loose', '[{"amount":20}]', 'schema', '{"amount":20}'],
  ['arguments that are a text', 'loose', '"{\\"amount\\":20}"', 'schema', '{"amount":20}'],
  ['arguments that are null', 'loose', 'null', 'schema', '{"amount":20}'],
  ['a pattern that backtracks', 'slow', `{"text":"${'a'.repeat(2000)}"}`, /^-32003/, `{"text":"${'a'.repeat(2000)}!"}`],
];

describe.each(LANES.map((lane) => [lane.name, lane] as const))('%s', (_lane, lane: Lane) => {
  test.each(ROWS)('%s', async (_attack, tool, args, expected, beside) => {
    const before = world.reached();
    const refused = await world.call(lane, tool, args);
    if (typeof expected === 'string') expect(refused.outcome).toBe(expected);
    else expect(refused.outcome).toMatch(expected);
    if (!refused.outcome.startsWith('ok')) expect(world.reached()).toBe(before);
    const allowed = await world.call(lane, tool, beside);
    expect(allowed.outcome).toBe('ok');
    expect(world.servers[lane.server].bodies(beside).length).toBeGreaterThan(0);
  });
});

test('before 2025-11-25 the model is told as invalid params', async () => {
  const answer = await world.call(OF_EARLIER_VERSION, 'refund', '{"amount":"20"}');
  expect(answer.outcome).toMatch(/^-32602 invalid params: .*amount must be number/);
});
