import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { type Paths, redact } from './redact.ts';

const CARD: Paths = [['card']];

test.each<[string, string, Paths, string]>([
  ['a member at the top', '{"card":"4111","a":1}', CARD, '{"card":"[redacted]","a":1}'],
  ['at any depth', '{"a":{"b":[{"card":{"n":1}}]}}', CARD, '{"a":{"b":[{"card":"[redacted]"}]}}'],
  ['every occurrence', '[{"card":1},{"card":2}]', CARD, '[{"card":"[redacted]"},{"card":"[redacted]"}]'],
  ['another name stays', '{"cards":1,"Card":2}', CARD, '{"cards":1,"Card":2}'],
  ['white space stays', '{ "card" : [1, 2] ,\n "x" : 1 }', CARD, '{ "card" : "[redacted]" ,\n "x" : 1 }'],
  ['a key with an escape', '{"c\\u0061rd":1}', CARD, '{"c\\u0061rd":"[redacted]"}'],
  [
    'a path of two',
    '{"customer":{"ssn":1},"ssn":2}',
    [['customer', 'ssn']],
    '{"customer":{"ssn":"[redacted]"},"ssn":2}',
  ],
  [
    'through a list that the path leaves out',
    '{"customer":[{"ssn":1}]}',
    [['customer', 'ssn']],
    '{"customer":[{"ssn":"[redacted]"}]}',
  ],
  [
    'every item',
    '{"items":[{"id":1},{"id":2}]}',
    [['items', null, 'id']],
    '{"items":[{"id":"[redacted]"},{"id":"[redacted]"}]}',
  ],
  ['items themselves', '{"items":[1,[2]]}', [['items', null]], '{"items":["[redacted]","[redacted]"]}'],
  ['JSON in a text', '{"text":"{\\"card\\":\\"4111\\"}"}', CARD, '{"text":"{\\"card\\":\\"[redacted]\\"}"}'],
  [
    'JSON in base64',
    `{"blob":"${Buffer.from('{"card":1}').toString('base64')}"}`,
    CARD,
    `{"blob":"${Buffer.from('{"card":"[redacted]"}').toString('base64')}"}`,
  ],
  ['a text that is no JSON', '{"text":"{card: 4111}"}', CARD, '{"text":"{card: 4111}"}'],
  [
    'big integers and literals',
    '{"n":9007199254740993,"t":true,"z":null,"card":1}',
    CARD,
    '{"n":9007199254740993,"t":true,"z":null,"card":"[redacted]"}',
  ],
  ['an ordinary key', '{"__proto__":1}', [['__proto__']], '{"__proto__":"[redacted]"}'],
  ['empty ones', '{"a":{},"b":[]}', CARD, '{"a":{},"b":[]}'],
])('%s', (_name, json, paths, wanted) => {
  expect(redact(json, paths)).toBe(wanted);
});

test('what nests too deep cannot be told', () => {
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  expect(redact(deep(LIMITS.jsonDepthMax), CARD)).toBe(deep(LIMITS.jsonDepthMax));
  expect(redact(deep(LIMITS.jsonDepthMax + 2), CARD)).toBeNull();
});

test('JSON in JSON is looked into only so far, and refused beyond', () => {
  const wrapped = (levels: number): string => {
    let text = '{"card":1}';
    for (let level = 0; level < levels; level++) text = JSON.stringify({ text });
    return text;
  };
  expect(redact(wrapped(LIMITS.redactNestingMax), CARD)).toContain('[redacted]');
  expect(redact(wrapped(LIMITS.redactNestingMax + 1), CARD)).toBeNull();
});
