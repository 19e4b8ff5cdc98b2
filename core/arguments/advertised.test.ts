import { describe, expect, test } from 'vitest';
import type { Residual } from '../policy/cel/types.ts';
import { advertised } from './advertised.ts';

const SCHEMA =
  '{ "type": "object",\n "properties": { "amount": {"type":"integer","maximum":1000}, "name" : {"type":"string"}, "kind":{"enum":["a", "b"]}, "in":{"type":"object","properties":{"s":{"type":["string","null"]}}}, "r":{"$ref":"#/$defs/r"}, "any":{} }, "required":["amount"], "x-big": 9007199254740993 }';

/** What is put in the place of a text. */
function edited(from: string, to: string): string {
  expect(SCHEMA.split(from)).toHaveLength(2);
  return SCHEMA.replace(from, () => to);
}

describe('limits in what is advertised', () => {
  const rows: readonly (readonly [string, Residual, string])[] = [
    [
      'a maximum is made smaller',
      { path: ['amount'], op: 'max', value: 500n },
      edited('"maximum":1000', '"maximum":500'),
    ],
    ['and never larger', { path: ['amount'], op: 'max', value: 5000 }, SCHEMA],
    [
      'a minimum comes in',
      { path: ['amount'], op: 'min', value: 1.5 },
      edited('"maximum":1000', '"maximum":1000,"minimum":1.5'),
    ],
    [
      'an exclusive one too',
      { path: ['amount'], op: 'exclusiveMin', value: 0n },
      edited('"maximum":1000', '"maximum":1000,"exclusiveMinimum":0'),
    ],
    [
      'large integers are exact',
      { path: ['any'], op: 'max', value: 9007199254740993n },
      edited('"any":{}', '"any":{"maximum":9007199254740993}'),
    ],
    ['a text has no maximum', { path: ['name'], op: 'max', value: 5 }, SCHEMA],
    [
      'an enum comes in',
      { path: ['name'], op: 'enum', value: ['x', 'y"'] },
      edited('{"type":"string"}', '{"type":"string","enum":["x","y\\""]}'),
    ],
    [
      'of an enum what is allowed stays',
      { path: ['kind'], op: 'enum', value: ['b', 'c'] },
      edited('["a", "b"]', '["b"]'),
    ],
    ['an enum of which nothing would stay stays', { path: ['kind'], op: 'enum', value: ['z'] }, SCHEMA],
    [
      'a pattern comes in',
      { path: ['name'], op: 'pattern', value: '^a\\.b' },
      edited('{"type":"string"}', '{"type":"string","pattern":"^a\\\\.b"}'),
    ],
    [
      'also further down, and for one of several types',
      { path: ['in', 's'], op: 'pattern', value: 'x' },
      edited('{"type":["string","null"]}', '{"type":["string","null"],"pattern":"x"}'),
    ],
    [
      'a length is of a text',
      { path: ['name'], op: 'maxSize', value: 4 },
      edited('{"type":"string"}', '{"type":"string","maxLength":4}'),
    ],
    [
      'members are of an object',
      { path: ['in'], op: 'minSize', value: 1 },
      edited('{"s":{"type":["string","null"]}}}', '{"s":{"type":["string","null"]}},"minProperties":1}'),
    ],
    ['a size of nobody knows what is left out', { path: ['any'], op: 'maxSize', value: 4 }, SCHEMA],
    ['a name is required', { path: ['name'], op: 'required', value: true }, edited('["amount"]', '["amount","name"]')],
    ['once', { path: ['amount'], op: 'required', value: true }, SCHEMA],
    [
      'further down a list of them comes in',
      { path: ['in', 's'], op: 'required', value: true },
      edited('{"s":{"type":["string","null"]}}}', '{"s":{"type":["string","null"]}},"required":["s"]}'),
    ],
    ['a name that the schema does not have is left out', { path: ['other'], op: 'required', value: true }, SCHEMA],
    ['nothing is written beside a reference', { path: ['r'], op: 'max', value: 1 }, SCHEMA],
    ['nor where nothing is known', { path: ['other', 'x'], op: 'max', value: 1 }, SCHEMA],
    ['nor at __proto__', { path: ['__proto__'], op: 'max', value: 1 }, SCHEMA],
  ];
  test.each(rows)('%s', (_, residual, wanted) => {
    expect(advertised(SCHEMA, [residual])).toBe(wanted);
  });
  test('a second pattern stands beside the first', () => {
    const residuals: Residual[] = ['a', 'b'].map((value) => ({ path: ['name'], op: 'pattern', value }));
    expect(advertised(SCHEMA, residuals)).toBe(
      edited('{"type":"string"}', '{"type":"string","pattern":"a","allOf":[{"pattern":"b"}]}'),
    );
  });
  test.each(['', '[]', 'true', '{"properties":7}', '{"properties":{"amount":true}}', '{"a":1,"a":2}'])(
    '%s stays as it is',
    (text) => {
      expect(advertised(text, [{ path: ['amount'], op: 'max', value: 1 }])).toBe(text);
    },
  );
});
