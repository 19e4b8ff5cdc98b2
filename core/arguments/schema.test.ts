import { describe, expect, test } from 'vitest';
import { type JsonObject, parseExact } from '../json.ts';
import { readValue, type Value } from '../mcp/value.ts';
import { compileSchema } from './schema.ts';

const REFUND: JsonObject = {
  type: 'object',
  properties: {
    amount: { type: 'integer', minimum: 0, maximum: 500 },
    tenant: { type: 'string', maxLength: 4, pattern: '^[a-z0-9]+$' },
    tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    mail: { type: 'string', format: 'email' },
  },
  required: ['amount', 'tenant'],
  additionalProperties: false,
};

function argsOf(text: string): Value {
  const bytes = Buffer.from(text);
  const read = readValue(bytes, { start: 0, end: bytes.length });
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}

function check(schema: JsonObject, args: string | Value): string | null {
  const compiled = compileSchema(schema);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.check(typeof args === 'string' ? argsOf(args) : args);
}

describe('arguments', () => {
  const rows: readonly (readonly [string, string, string | null])[] = [
    ['what fits fits', '{"amount":1,"tenant":"t1"}', null],
    ['a text is no number', '{"amount":"1","tenant":"t1"}', '/amount must be integer'],
    ['a number is no text', '{"amount":1,"tenant":1}', '/tenant must be string'],
    ['null is no number', '{"amount":null,"tenant":"t1"}', '/amount must be integer'],
    ['true is no number', '{"amount":true,"tenant":"t1"}', '/amount must be integer'],
    ['a fraction is no integer', '{"amount":1.5,"tenant":"t1"}', '/amount must be integer'],
    ['an integer may be written as a fraction', '{"amount":1.0,"tenant":"t1"}', null],
    ['minus zero is zero', '{"amount":-0,"tenant":"t1"}', null],
    ['a missing key is missing', '{"tenant":"t1"}', "the arguments must have required property 'amount'"],
    ['another case is another key', '{"Amount":1,"tenant":"t1"}', "the arguments must have required property 'amount'"],
    [
      'a key more is refused',
      '{"amount":1,"tenant":"t1","x":1}',
      'the arguments must NOT have additional properties ("x" is one)',
    ],
    [
      '__proto__ is a key more',
      '{"amount":1,"tenant":"t1","__proto__":{}}',
      'the arguments must NOT have additional properties ("__proto__" is one)',
    ],
    ['an escaped key is the key', '{"\\u0061mount":501,"tenant":"t1"}', '/amount must be <= 500'],
    ['2^53 + 1 is too large', '{"amount":9007199254740993,"tenant":"t1"}', '/amount must be <= 500'],
    ['a pattern is asked', '{"amount":1,"tenant":"T1"}', '/tenant must match pattern "^[a-z0-9]+$"'],
    [
      'a letter that looks alike is another',
      '{"amount":1,"tenant":"t\\u0435"}',
      '/tenant must match pattern "^[a-z0-9]+$"',
    ],
    [
      'a length is counted in characters',
      '{"amount":1,"tenant":"abcde"}',
      '/tenant must NOT have more than 4 characters',
    ],
    [
      'repeated items are refused',
      '{"amount":1,"tenant":"t1","tags":["a","b","a"]}',
      '/tags must pass "uniqueItems" keyword validation',
    ],
    ['a format is not asked', '{"amount":1,"tenant":"t1","mail":"no mail"}', null],
    ['a list is no object', '[]', 'the arguments must be object'],
  ];
  test.each(rows)('%s', (_, args, wanted) => {
    expect(check(REFUND, args)).toBe(wanted);
  });

  test('what JavaScript gives every object is not there', () => {
    const schema: JsonObject = { type: 'object', required: ['toString'] };
    expect(check(schema, '{}')).toBe("the arguments must have required property 'toString'");
    expect(check(schema, '{"toString":1}')).toBe(null);
    expect(
      check({ type: 'object', properties: { constructor: { type: 'string' } } } as unknown as JsonObject, '{}'),
    ).toBe(null);
  });

  const large: readonly (readonly [JsonObject, string, boolean])[] = [
    [{ type: 'integer' }, '9007199254740993', true],
    [{ maximum: 9007199254740992 }, '9007199254740993', false],
    [{ maximum: 9007199254740994 }, '9007199254740993', true],
    [{ minimum: 9007199254740994 }, '9007199254740993', false],
    [{ const: 9007199254740992 }, '9007199254740993', false],
    [{ minimum: -9007199254740992 }, '-9007199254740993', false],
    [{ maximum: 2 ** 63 }, '18446744073709551615', false],
    [{ type: 'string' }, '9007199254740993', false],
  ];
  test.each(large)('%j takes %s: %s', (property, number, fits) => {
    const schema: JsonObject = { type: 'object', properties: { id: property } };
    expect(check(schema, `{"id":${number}}`) === null).toBe(fits);
  });

  test('items are compared by value, in linear time', () => {
    const schema: JsonObject = { type: 'object', properties: { l: { type: 'array', uniqueItems: true } } };
    expect(check(schema, '{"l":[{"a":1,"b":2},{"b":2,"a":1}]}')).not.toBe(null);
    expect(check(schema, '{"l":[0,-0]}')).not.toBe(null);
    expect(check(schema, '{"l":["1",1,[1],{"1":1},true,null]}')).toBe(null);
    expect(check(schema, { l: Array.from({ length: 50_000 }, (_, index) => ({ index })) })).toBe(null);
  });
  test('a pattern that backtracks elsewhere runs in linear time', () => {
    const schema: JsonObject = { type: 'object', properties: { s: { type: 'string', pattern: '^(a+)+$' } } };
    expect(check(schema, { s: `${'a'.repeat(50_000)}!` })).toBe('/s must match pattern "^(a+)+$"');
  });
  test('a long text for a long pattern is too much work', () => {
    const schema: JsonObject = { type: 'object', properties: { s: { type: 'string', pattern: '(x{1,200}y){1,2}' } } };
    expect(check(schema, { s: 'x'.repeat(1_000_000) })).toBe('they cannot be checked: too much work');
  });
  test('references that ask twice at each level are too much work', () => {
    const twice = { properties: { x: { $ref: '#/$defs/a' }, z: false } };
    const schema: JsonObject = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/a' } },
      $defs: { a: { anyOf: [twice, twice] } },
    };
    let deep: Value = { z: 1 };
    for (let level = 0; level < 60; level++) deep = { x: deep };
    expect(check(schema, { a: deep })).toBe('they cannot be checked: too much work');
    expect(check(schema, '{"a":{"x":{}}}')).toBe(null);
  });
  test('a reference to itself without an end is too much work', () => {
    const schema: JsonObject = { type: 'object', properties: { a: { $ref: '#/properties/a' } } };
    expect(check(schema, '{"a":1}')).toBe('they cannot be checked: too much work');
  });
});

describe('schemas', () => {
  test.each<[string, JsonObject, string, string | null]>([
    [
      'a reference to the whole',
      { type: 'object', properties: { child: { $ref: '#' }, n: { type: 'number' } } },
      '{"child":{"n":"x"}}',
      '/child/n must be number',
    ],
    [
      'a reference into it',
      { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } },
      '{"a":1}',
      '/a must be string',
    ],
    [
      'an anchor',
      { type: 'object', properties: { a: { $ref: '#x' } }, $defs: { a: { $anchor: 'x', type: 'string' } } },
      '{"a":1}',
      '/a must be string',
    ],
    [
      'draft-07',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        properties: { a: { $ref: '#/definitions/a' } },
        definitions: { a: { type: 'string' } },
      },
      '{"a":1}',
      '/a must be string',
    ],
    [
      '2019-09',
      {
        $schema: 'https://json-schema.org/draft/2019-09/schema',
        type: 'object',
        properties: { a: { type: 'array', items: [{ type: 'string' }] } },
      },
      '{"a":[1]}',
      '/a/0 must be string',
    ],
    [
      '2020-12',
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: { a: { prefixItems: [{ type: 'string' }] } },
      },
      '{"a":[1]}',
      '/a/0 must be string',
    ],
    [
      'an id is of no account',
      { $id: 'https://example.com/a', type: 'object', properties: { a: { $id: 'b', type: 'string' } } },
      '{"a":1}',
      '/a must be string',
    ],
    [
      'the same id again',
      { $id: 'https://example.com/a', type: 'object', properties: { a: { type: 'number' } } },
      '{"a":"x"}',
      '/a must be number',
    ],
    [
      'properties that are called like keywords',
      { type: 'object', properties: { $ref: { type: 'string' }, id: { type: 'string' }, pattern: { type: 'number' } } },
      '{"$ref":"x","id":"x","pattern":"x"}',
      '/pattern must be number',
    ],
    ['keywords that nobody knows', { type: 'object', 'x-hint': { deep: [1] }, properties: {} }, '{}', null],
  ])('%s', (_, schema, args, wanted) => {
    expect(check(schema, args)).toBe(wanted);
  });

  const nested = (levels: number): JsonObject => {
    let schema: JsonObject = { type: 'object' };
    for (let level = 0; level < levels; level++) schema = { type: 'object', properties: { x: schema } };
    return schema;
  };
  test.each<[string, JsonObject, RegExp]>([
    [
      'a reference to another document',
      { type: 'object', properties: { a: { $ref: 'https://example.com/x' } } },
      /^it refers to another document$/,
    ],
    [
      'a reference to a file beside it',
      { type: 'object', properties: { a: { $ref: 'other.json#/a' } } },
      /^it refers to another document$/,
    ],
    [
      'a reference to nothing',
      { type: 'object', properties: { a: { $ref: '#/nope' } } },
      /^it does not compile: can't resolve/,
    ],
    [
      'a pattern that looks around',
      { type: 'object', properties: { a: { pattern: '(?=x)' } } },
      /^it does not compile: error parsing regexp/,
    ],
    [
      'a pattern with a backreference',
      { type: 'object', patternProperties: { '(a)\\1': {} } },
      /^it does not compile: error parsing regexp/,
    ],
    [
      'a pattern that repeats too much',
      { type: 'object', properties: { a: { pattern: '(x{100}){10}(y{900}){1}(z{1000})' } } },
      /a pattern repeats too much/,
    ],
    [
      'a pattern that is too long',
      { type: 'object', properties: { a: { pattern: 'x'.repeat(2000) } } },
      /^a pattern has more than 1024 characters$/,
    ],
    ['a type that is none', { type: 'objekt' }, /^it does not compile: schema is invalid/],
    [
      'a dialect that is not known',
      { $schema: 'urn:x', type: 'object' },
      /^it is written in a dialect that is not known$/,
    ],
    ['what nests too deeply', nested(70), /^it is nested deeper than 64$/],
    [
      'what has too many parts',
      { type: 'object', anyOf: Array.from({ length: 6000 }, () => ({})) },
      /^it has more than 5000 parts$/,
    ],
    [
      'what lists too many values',
      { type: 'object', properties: { a: { enum: Array.from({ length: 30_000 }, (_, index) => index) } } },
      /^it has more than 20000 values$/,
    ],
  ])('%s is refused', (_, schema, problem) => {
    const compiled = compileSchema(schema);
    expect(compiled.ok ? 'ok' : compiled.problem).toMatch(problem);
  });
  test('two patterns are two, in one schema and in several', () => {
    const schema: JsonObject = { type: 'object', properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } };
    expect(check(schema, '{"a":"a","b":"b"}')).toBe(null);
    expect(check(schema, '{"a":"a","b":"a"}')).toBe('/b must match pattern "^b$"');
    for (let index = 0; index < 250; index++) {
      const own: JsonObject = { type: 'object', properties: { a: { pattern: `^x${index}$` } } };
      expect(check(own, `{"a":"x${index}"}`)).toBe(null);
      expect(check(own, `{"a":"x${index + 1}"}`)).not.toBe(null);
    }
  });
  test('a schema is compiled once', () => {
    expect(compileSchema(REFUND)).toBe(compileSchema(REFUND));
  });
});

test('bounds that no double holds refuse nothing that they allow', () => {
  const schema = parseExact('{"type":"object","properties":{"n":{"maximum":9007199254740993,"minimum":-1e400}}}');
  const compiled = compileSchema(schema as JsonObject);
  if (!compiled.ok) throw new Error(compiled.problem);
  expect(compiled.check({ n: 5 })).toBeNull();
  expect(compiled.check({ n: 1e300 })).not.toBeNull();
  expect(compiled.check({ n: 9007199254740993n }), 'the bound itself').toBeNull();
  expect(compiled.check({ n: 9007199254740999n })).not.toBeNull();
});
