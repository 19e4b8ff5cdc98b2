import { describe, expect, test } from 'vitest';
import type { Value } from '../../mcp/value.ts';
import { readValue } from '../../mcp/value.ts';
import { compileCondition } from './compile.ts';
import { type Scope, UNKNOWN } from './types.ts';

const SCOPE: Scope = {
  args: { amount: 250, tenant: 't1', items: [{ qty: 1 }, { qty: 2 }], name: 'hello-world', nothing: null, flag: true },
  jwt: { tenant: 't1', groups: ['staff', 'support'], limit: 500 },
  tool: { name: 'refund', server: 'payments', labels: { egress: '' }, annotations: { destructiveHint: true } },
  session: { labels: ['private-data'] },
  request: { surface: 'default', address: '10.1.2.3', tasks: ['refunds'] },
  time: Date.UTC(2026, 6, 28, 12, 30),
};

function argsOf(text: string): Value {
  const bytes = Buffer.from(text);
  const read = readValue(bytes, { start: 0, end: bytes.length });
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}

/** true, false, unknown, or why it is indeterminate. */
function truth(source: string, scope: Partial<Scope> = {}): string {
  const compiled = compileCondition(source);
  if (!compiled.ok) return `refused: ${compiled.problem}`;
  const outcome = compiled.condition.evaluate({ ...SCOPE, ...scope });
  return outcome.kind === 'indeterminate' ? outcome.why : outcome.kind;
}

describe('what a rule can say', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['args.amount <= 500', 'true'],
    ['args.amount <= 249.5', 'false'],
    ['args.tenant == jwt.tenant', 'true'],
    ['args["tenant"] == jwt["tenant"]', 'true'],
    ['"support" in jwt.groups', 'true'],
    ['"tenant" in jwt', 'true'],
    ['args.items.all(i, i.qty <= 5)', 'true'],
    ['args.items.exists(i, i.qty == 2)', 'true'],
    ['args.items.exists_one(i, i.qty > 0)', 'false'],
    ['args.items.map(i, i.qty) == [1, 2]', 'true'],
    ['size(args.items.filter(i, i.qty > 1)) == 1', 'true'],
    ['args.items.exists(args, args.qty == 2)', 'true'],
    ['args.items.all(i, args.items.exists(i, i.qty == 2) && i.qty < 3)', 'true'],
    ['has(args.amount) && !has(args.other)', 'true'],
    ['args.nothing == null', 'true'],
    ['args.flag', 'true'],
    ['args.name.startsWith("hello") && args.name.endsWith("world") && args.name.contains("-")', 'true'],
    ['args.name.matches("^[a-z-]+$")', 'true'],
    ['matches(args.name, "^x")', 'false'],
    ['args.name.upperAscii().lowerAscii().trim() == args.name', 'true'],
    ['args.amount * 2 + 1 == 501 && args.amount / 4 == 62.5', 'true'],
    ['args.amount % 50 == 0', 'true'],
    ['(args.amount > 200 ? "large" : "small") == "large"', 'true'],
    ['{"t1": 500, "t2": 100}[args.tenant] >= args.amount', 'true'],
    ['session.labels.has("private-data")', 'true'],
    ['request.address.inCidr("10.0.0.0/8")', 'true'],
    ['request.address.inCidr("10.2.0.0/16")', 'false'],
    ['"::ffff:10.1.2.3".inCidr("10.0.0.0/8")', 'true'],
    ['"::1".inCidr("0.0.0.0/0")', 'false'],
    ['time.getHours() == 12 && time.getDayOfWeek() == 2', 'true'],
    ['time.getHours("+02:00") == 14', 'true'],
    ['time.getHours("Europe/Berlin") == 14', 'true'],
    ['time < timestamp("2026-07-28T13:00:00Z") && time - timestamp("2026-07-28T12:00:00Z") == duration("30m")', 'true'],
    ['tool.annotations.destructiveHint', 'true'],
    ['args.name.split("-")[1] == "world"', 'true'],
    ['kindOf(args) == "object" && kindOf(args.name) == "string" && kindOf(null) == "null"', 'true'],
    ['kindOf([1]) == "list" && kindOf(1) == "number" && kindOf(1.5) == "number" && kindOf(true) == "boolean"', 'true'],
    ['kindOf(time) == "timestamp" && kindOf(duration("1m")) == "duration"', 'true'],
    ['kindOf(args.absent) == "null"', 'there is no "absent"'],
  ];
  test.each(rows)('%s is %s', (source, wanted) => {
    expect(truth(source)).toBe(wanted);
  });
});

describe('it cannot be got around', () => {
  const rows: readonly (readonly [string, string, string, string])[] = [
    ['a text is no number', 'args.amount <= 500', '{"amount":"250"}', 'a string <= a number is nothing'],
    ['a text is never equal to a number', 'args.amount == 250', '{"amount":"250"}', 'false'],
    ['a key that is missing is an error', 'args.amount <= 500', '{}', 'there is no "amount"'],
    ['null is no number', 'args.amount <= 500', '{"amount":null}', 'null <= a number is nothing'],
    ['another case is another key', 'args.amount <= 500', '{"Amount":1}', 'there is no "amount"'],
    ['rules see keys that the rule of the schema would let through', 'has(args.extra)', '{"extra":1}', 'true'],
    ['an escaped key is the key', 'args.amount <= 500', '{"\\u0061mount":1}', 'true'],
    ['a key that looks alike is another one', 'args.amount <= 500', '{"\\u0430mount":1}', 'there is no "amount"'],
    ['a value is not normalised', 'args.name == "caf\u00e9"', '{"name":"cafe\\u0301"}', 'false'],
    ['an escaped value is the value', 'args.name == "admin"', '{"name":"\\u0061dmin"}', 'true'],
    ['2^53 + 1 is more than 2^53', 'args.id <= 9007199254740992', '{"id":9007199254740993}', 'false'],
    ['2^53 + 1 is not 2^53', 'args.id == 9007199254740992', '{"id":9007199254740993}', 'false'],
    ['also beside a double', 'args.id > 9007199254740992.0', '{"id":9007199254740993}', 'true'],
    ['also in a list', 'args.id in [9007199254740993]', '{"id":9007199254740993}', 'true'],
    ['more than 64 bits are compared', 'args.id > 9223372036854775807', '{"id":9223372036854775808}', 'true'],
    ['but not reckoned with', 'args.id + 1 > 0', '{"id":9223372036854775808}', 'the integer is too large'],
    ['minus zero is zero', 'args.amount == 0 && args.amount >= 0 && args.amount in [0]', '{"amount":-0}', 'true'],
    ['a list is no text', 'args.name == "a"', '{"name":["a"]}', 'false'],
    [
      'a function of texts fails for a list',
      'args.name.startsWith("a")',
      '{"name":["a"]}',
      'startsWith is not of a list and a string',
    ],
    ['__proto__ is missing', 'has(args.__proto__)', '{}', 'false'],
    ['__proto__ is an error', 'args.__proto__ == 1', '{}', 'there is no "__proto__"'],
    ['__proto__ is a key', 'args.__proto__ == 1', '{"__proto__":1}', 'true'],
    ['constructor is missing', 'has(args.constructor) || "constructor" in args', '{}', 'false'],
    ['toString is missing', 'args["toString"] == 1', '{}', 'there is no "toString"'],
    ['in a map of the rule too', '{"a": 1}[args.k] == 1', '{"k":"toString"}', 'there is no "toString"'],
    ['a text has no members', 'args.name.length == 1', '{"name":"a"}', '"length" is looked for in a string'],
    ['nor has a list', 'args.l.length == 1', '{"l":[1]}', '"length" is looked for in a list'],
    ['a list has no item below zero', 'args.l[-1] == 1', '{"l":[1]}', 'the list has no such item'],
    ['nor between two', 'args.l[0.5] == 1', '{"l":[1]}', 'a number is no place in a list'],
    [
      'a condition that is no boolean is not true',
      'args.amount',
      '{"amount":1}',
      'the condition is neither true nor false',
    ],
    ['a text is not true', 'args.flag && true', '{"flag":"true"}', '&& is of booleans, not of a string'],
    ['division by zero is an error', '1 / int(args.n) > 0', '{"n":0}', 'division by zero'],
  ];
  test.each(rows)('%s', (_, source, args, wanted) => {
    expect(truth(source, { args: argsOf(args) })).toBe(wanted);
  });

  test('a point in time shows nothing of its inside', () => {
    expect(truth('time.ns == 1')).toBe('"ns" is looked for in a timestamp');
  });
  test('an error is absorbed by what decides without it', () => {
    expect(truth('args.other == 1 || true')).toBe('true');
    expect(truth('args.other == 1 && false')).toBe('false');
    expect(truth('args.items.exists(i, i.nope == 1 || i.qty == 2)')).toBe('true');
  });
  test('a pattern that backtracks elsewhere runs in linear time', () => {
    const name = `${'a'.repeat(20_000)}!`;
    expect(truth('args.name.matches("^(a+)+$")', { args: { name } })).toBe('false');
  });
  test('a macro over a huge list ends at the limit', () => {
    const items = Array.from({ length: 200_000 }, (_, index) => index);
    expect(truth('args.items.all(i, i >= 0)', { args: { items } })).toBe('the evaluation costs too much');
  });
  test('macros in macros end at the limit', () => {
    const items = Array.from({ length: 2_000 }, (_, index) => index);
    expect(truth('args.items.all(i, args.items.all(j, i + j >= 0))', { args: { items } })).toBe(
      'the evaluation costs too much',
    );
  });
  test('a search of one long text in another ends at the limit', () => {
    const args = { a: 'a'.repeat(1_000_000), b: `${'a'.repeat(500_000)}b` };
    expect(truth('args.a.contains(args.b)', { args })).toBe('the evaluation costs too much');
  });
  test('the limit is of one evaluation', () => {
    const items = Array.from({ length: 20_000 }, (_, index) => index);
    for (let round = 0; round < 5; round++)
      expect(truth('args.items.all(i, i >= 0)', { args: { items } })).toBe('true');
  });
});

describe('what is not known yet', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['args.amount <= 500', 'unknown'],
    ['has(args.amount)', 'unknown'],
    ['args.items.all(i, i.qty > 1)', 'unknown'],
    ['args.amount <= 500 && jwt.tenant == "t2"', 'false'],
    ['args.amount <= 500 || jwt.tenant == "t1"', 'true'],
    ['args.amount <= 500 && jwt.tenant == "t1"', 'unknown'],
    ['args.amount <= jwt.nope', 'there is no "nope"'],
    ['args.amount <= 500 && jwt.nope', 'unknown'],
    ['jwt.groups.exists(g, g == args.group)', 'unknown'],
    ['jwt.groups.exists(g, g == args.group || g == "staff")', 'true'],
    ['args.flag ? true : true', 'unknown'],
    ['jwt.limit > 100 ? args.amount < 5 : false', 'unknown'],
    ['jwt.limit > 1000 ? args.amount < 5 : false', 'false'],
  ];
  test.each(rows)('%s is %s', (source, wanted) => {
    expect(truth(source, { args: UNKNOWN })).toBe(wanted);
  });
});

describe('what is refused when it is written', () => {
  const rows: readonly (readonly [string, string, number | undefined, string | undefined])[] = [
    ['arg.amount <= 5', 'there is no "arg"', 1, 'args'],
    ['args.name.startWith("a")', 'there is no function "startWith"', 10, 'startsWith'],
    ['tool.nmae == "x"', 'tool has no "nmae"', 5, 'name'],
    ['request.adress == "x"', 'request has no "adress"', 8, 'address'],
    [
      'args.name.matches("(a")',
      'the pattern does not compile: error parsing regexp: missing closing ): `(a`',
      19,
      undefined,
    ],
    [
      'args.name.matches("(?=a)")',
      'the pattern does not compile: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
      19,
      undefined,
    ],
    ['args.name.matches(jwt.pattern)', 'a pattern is written in the rule, as a text in quotes', 22, undefined],
    ['request.address.inCidr("10.0.0.0/99")', 'it is not a range such as 10.0.0.0/8', 24, undefined],
    ['args.n == 1u', 'there are no unsigned integers: leave the "u" off', 11, undefined],
    ['args.n == b"x"', 'there are no bytes: a JSON value is a string', 11, undefined],
    ['startsWith("a", "b")', 'it is x.startsWith(), not startsWith(x)', 1, undefined],
    ['size(args.a, args.b)', '"size" does not take 2 arguments', 1, undefined],
    ['has(args)', 'has() asks for a member, such as has(args.x)', 1, undefined],
    ['args.n == 9223372036854775808', 'the integer is too large', 11, undefined],
    ['constructor(1)', 'there is no function "constructor"', 1, undefined],
    ['args.a.__proto__()', 'there is no function "__proto__"', 7, undefined],
    ['Foo{a: 1} == args', 'there are no messages: "Foo"', undefined, undefined],
  ];
  test.each(rows)('%s: %s', (source, problem, column, suggestion) => {
    const compiled = compileCondition(source);
    expect(compiled).toMatchObject({ ok: false, problem, ...(column === undefined ? {} : { column }) });
    expect(compiled.ok ? null : compiled.suggestion).toBe(suggestion);
  });
  test('a syntax error has its place', () => {
    expect(compileCondition('args.amount <= ')).toMatchObject({ ok: false, column: 13 });
    expect(compileCondition('')).toMatchObject({ ok: false });
  });
  test('what nests too deeply is refused', () => {
    expect(compileCondition(`${'('.repeat(1900)}true${')'.repeat(1900)}`)).toMatchObject({ ok: false });
    expect(compileCondition(`${'['.repeat(150)}1${']'.repeat(150)} == args.a`)).toMatchObject({ ok: false });
  });
  test('what is too long is refused', () => {
    expect(compileCondition(`args.a == "${'x'.repeat(5000)}"`)).toMatchObject({
      ok: false,
      problem: 'has 5012 characters; at most 4096 are allowed',
    });
  });
});

describe('what a condition reads', () => {
  test.each([
    ['args.a == jwt.b', ['args', 'jwt']],
    ['session.labels.has("x") && time > timestamp("2026-01-01T00:00:00Z")', ['session', 'time']],
    ['jwt.groups.exists(args, args == "x")', ['jwt']],
    ['true', []],
  ])('%s reads %j', (source, wanted) => {
    const compiled = compileCondition(source);
    expect(compiled.ok ? [...compiled.condition.reads] : null).toEqual(wanted);
  });
});
