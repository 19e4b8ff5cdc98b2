import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { typeCheck } from './check.ts';
import { compileCondition } from './compile.ts';
import { traceOf } from './trace.ts';
import { type Scope, UNKNOWN } from './types.ts';

const SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    amount: { type: 'integer' },
    tenant: { type: 'string' },
    kind: { enum: ['a', 'b'] },
    either: { type: ['string', 'null'] },
    items: {
      type: 'array',
      items: { type: 'object', properties: { qty: { type: 'number' } }, additionalProperties: false },
    },
    open: { type: 'object', properties: { name: { type: 'string' } }, additionalProperties: { type: 'string' } },
    mixed: { anyOf: [{ properties: { x: {} } }] },
  },
  additionalProperties: false,
};

function check(source: string): string | null {
  const compiled = compileCondition(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  return typeCheck(compiled.condition, SCHEMA);
}

describe('a condition and a schema', () => {
  const rows: readonly (readonly [string, string | null])[] = [
    ['args.amount <= 500 && args.tenant == jwt.tenant', null],
    ['args.amonut <= 500', 'args has no "amonut"; did you mean "amount"?'],
    ['args.Amount <= 500', 'args has no "Amount"; did you mean "amount"?'],
    ['has(args.other)', 'args has no "other"'],
    ['args.toString == "x"', 'args has no "toString"'],
    ['args.items[0].qyt < 5', 'args.items[0] has no "qyt"; did you mean "qty"?'],
    ['args.open.nmae == "x"', 'args.open has no "nmae"; did you mean "name"?'],
    ['args.open.colour == "x"', null],
    ['args.mixed.anything == 1', null],
    ['args.tenant <= 500', 'args.tenant is a string, and 500 is a number'],
    ['args.amount == "500"', 'args.amount is a number, and "500" is a string'],
    ['args.kind == 1', 'args.kind is a string, and 1 is a number'],
    ['args.either == null', null],
    ['args.either == 5', 'args.either is a string or null, and 5 is a number'],
    ['args.amount.startsWith("5")', 'args.amount is a number, where a string is wanted'],
    ['size(args.amount) > 1', 'args.amount is a number, where a string or a list or an object is wanted'],
    ['args.tenant * 2 == 4', 'args.tenant is a string, where a number is wanted'],
    ['args.tenant && true', 'args.tenant is a string, where a boolean is wanted'],
    ['"x" in args.tenant', 'args.tenant is a string, where a list or an object is wanted'],
    ['args.amount.all(i, i > 1)', 'args.amount is a number, where a list or an object is wanted'],
    [
      'args.items < args.items',
      'args.items is a list, where a boolean or a number or a string or a time or a duration is wanted',
    ],
    ['args.amount', 'args.amount is never true or false'],
    ['jwt.groups.exists(args, args.whatever == 1)', null],
  ];
  test.each(rows)('%s: %s', (source, wanted) => {
    expect(check(source)).toBe(wanted);
  });
});

describe('what is explained', () => {
  const lines = (source: string, args: Scope['args']): readonly string[] => {
    const compiled = compileCondition(source);
    if (!compiled.ok) throw new Error(compiled.problem);
    const scope: Scope = { args, jwt: { tenant: 't1' }, tool: {}, session: { labels: [] }, request: {}, time: 0 };
    return traceOf(compiled.condition, scope).map(({ text, value }) => `${text} = ${value}`);
  };
  test('each part has its value, the whole comes last', () => {
    expect(lines('args.amount <= 500 && args.tenant == jwt.tenant', { amount: 250 })).toEqual([
      'args.amount = 250',
      'args.amount <= 500 = true',
      'args.tenant = error: there is no "tenant"',
      'jwt.tenant = "t1"',
      'args.tenant == jwt.tenant = error: there is no "tenant"',
      'args.amount <= 500 && args.tenant == jwt.tenant = error: there is no "tenant"',
    ]);
  });
  test('what is not known is unknown', () => {
    expect(lines('args.amount <= 500 || jwt.tenant == "t1"', UNKNOWN)).toEqual([
      'args.amount = unknown',
      'args.amount <= 500 = unknown',
      'jwt.tenant = "t1"',
      'jwt.tenant == "t1" = true',
      'args.amount <= 500 || jwt.tenant == "t1" = true',
    ]);
  });
  test('times, sizes and large integers are written out', () => {
    expect(
      lines('time + duration("1h") > time && size(args.l) < args.n', { l: [1], n: 9007199254740993n }).slice(0, 5),
    ).toEqual([
      'duration("1h") = 3600s',
      'time + duration("1h") = 1970-01-01T01:00:00Z',
      'time + duration("1h") > time = true',
      'args.l = [1]',
      'size(args.l) = 1',
    ]);
  });
  test('long values are cut', () => {
    expect(lines('args.s == "x"', { s: 'y'.repeat(5000) })[0]).toHaveLength('args.s = '.length + 257);
  });
});
