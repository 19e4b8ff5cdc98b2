import { describe, expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { scan } from './scan.ts';

const DEPTH_MAX = 16;
const scanText = (text: string) => scan(Buffer.from(text), DEPTH_MAX);

describe('what is no JSON text is refused', () => {
  const cases: [string, string][] = [
    ['nothing', ''],
    ['white space only', ' \n'],
    ['an object that does not end', '{"a":1'],
    ['a key that does not end', '{"a'],
    ['a key without a colon', '{"a" 1}'],
    ['a key that is no string', '{a:1}'],
    ['a comma before the end of an object', '{"a":1,}'],
    ['a comma before the end of an array', '{"a":[1,]}'],
    ['a missing comma', '{"a":1 "b":2}'],
    ['an array that is closed as an object', '{"a":[1}'],
    ['text behind the value', '{} {}'],
    ['a NUL behind the value', '{}\0'],
    ['single quotes', "{'a':1}"],
    ['a comment', '{/* */"a":1}'],
    ['a number with a leading zero', '{"a":01}'],
    ['a number with a plus', '{"a":+1}'],
    ['a number that ends in a point', '{"a":1.}'],
    ['a number without a whole part', '{"a":.5}'],
    ['a number with half an exponent', '{"a":1e}'],
    ['a hexadecimal number', '{"a":0x1}'],
    ['NaN', '{"a":NaN}'],
    ['a literal cut short', '{"a":tru}'],
    ['a literal in capitals', '{"a":True}'],
    ['a raw line break in a string', '{"a":"\n"}'],
    ['a raw NUL in a string', '{"a":"\0"}'],
    ['an escape that JSON has not', '{"a":"\\x41"}'],
    ['half a unicode escape', '{"a":"\\u00"}'],
    ['a string that ends in a backslash', '{"a":"\\'],
    ['a byte order mark', '\ufeff{}'],
    ['a space that only Unicode knows', '\u00a0{}'],
  ];
  test.each(cases)('%s', (_, text) => {
    expect(scanText(text)).toBe('parse_error');
  });

  test.each([
    ['a byte that is no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['a surrogate written in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
  ])('%s', (_, bytes) => {
    expect(scan(bytes, DEPTH_MAX)).toBe('parse_error');
  });
});

describe('what is no object is told apart', () => {
  test.each([
    ['[]', 'array'],
    ['[{"jsonrpc":"2.0"}]', 'array'],
    ['"text"', 'not_an_object'],
    ['7', 'not_an_object'],
    ['null', 'not_an_object'],
    ['[1', 'parse_error'],
  ])('%s is %s', (text, failure) => {
    expect(scanText(text)).toBe(failure);
  });
});

describe('a repeated key is refused', () => {
  test.each([
    ['at the top', '{"a":1,"a":2}'],
    ['in params', '{"params":{"name":"a","name":"b"}}'],
    ['deep inside arguments', '{"params":{"arguments":{"x":[{"b":1,"b":1}]}}}'],
    ['in an array', '{"a":[{"b":1,"b":1}]}'],
    ['spelled with an escape', '{"params":{"name":"a","n\\u0061me":"b"}}'],
    ['both spelled with escapes', '{"\\u0061":1,"\\u0061":2}'],
    ['params itself', '{"params":{},"params":{"name":"x"}}'],
    ['params, once not an object', '{"params":1,"params":{}}'],
    ['the empty key', '{"":1,"":2}'],
    ['__proto__', '{"__proto__":1,"__proto__":2}'],
    ['after more keys than are walked', `{${Array.from({ length: 40 }, (_, i) => `"k${i}":0`).join()},"k3":1}`],
    ['at the last place that is walked', `{${Array.from({ length: 12 }, (_, i) => `"k${i}":0`).join()},"k0":1}`],
  ])('%s', (_, text) => {
    expect(scanText(text)).toBe('duplicate_key');
  });

  test.each([
    ['a member of the message in capitals', '{"method":"ping","METHOD":"tools/call"}'],
    ['a member of params that a parser of Go would take for the name', '{"params":{"name":"read","Name":"delete"}}'],
    ['with the long s, which folds to an s', '{"params":{"arguments":{},"argument\u017f":{}}}'],
    ['with the Kelvin sign, which folds to a k', '{"params":{"token":1,"to\u212aen":2}}'],
    ['a second params', '{"params":{"name":"a"},"Params":{"name":"b"}}'],
  ])('also %s', (_, text) => {
    expect(scanText(text)).toBe('duplicate_key');
  });

  test.each([
    ['the same key in two objects', '{"a":{"x":1},"b":{"x":1}}'],
    ['keys of arguments that differ in case: they are the tool’s own', '{"params":{"arguments":{"a":1,"A":2}}}'],
    ['keys that only normalisation makes equal', '{"params":{"\u00e9":1,"e\u0301":2}}'],
    ['a key that equals a value', '{"a":"b","b":"a"}'],
  ])('but not %s', (_, text) => {
    expect(scanText(text)).toBeTypeOf('object');
  });
});

describe('members lie where they were found', () => {
  const spansOf = (text: string): { members: Record<string, string>; params: Record<string, string> | null } => {
    const bytes = Buffer.from(text);
    const scanned = scan(bytes, DEPTH_MAX);
    if (typeof scanned === 'string') throw new Error(scanned);
    const cut = (spans: ReadonlyMap<string, { start: number; end: number }>) =>
      Object.fromEntries([...spans].map(([key, { start, end }]) => [key, bytes.toString('utf8', start, end)]));
    return { members: cut(scanned.members), params: scanned.params === null ? null : cut(scanned.params) };
  };

  test('with white space, wide characters before them and numbers that JavaScript cannot hold', () => {
    const text = ' {\t"ü€😀" : "é" ,\r\n"id": 9007199254740993, "params" : { "name" : "a" , "_meta":{"x":[1, 2]} } } ';
    expect(spansOf(text)).toEqual({
      members: { 'ü€😀': '"é"', id: '9007199254740993', params: '{ "name" : "a" , "_meta":{"x":[1, 2]} }' },
      params: { name: '"a"', _meta: '{"x":[1, 2]}' },
    });
  });

  test('params that are no object have no members', () => {
    expect(spansOf('{"params":[{"name":"x"}]}').params).toBeNull();
    expect(spansOf('{}').params).toBeNull();
    expect(spansOf('{"params":{}}').params).toEqual({});
  });

  test('only the params of the message itself count', () => {
    expect(spansOf('{"x":{"params":{"name":"deep"}}}').params).toBeNull();
    expect(spansOf('{"params":{"params":{"name":"deep"},"name":"own"}}').params).toMatchObject({ name: '"own"' });
  });

  test('a key that is spelled with an escape is found under its name', () => {
    expect(spansOf('{"p\\u0061rams":{"n\\u0061me":"x"}}').params).toEqual({ name: '"x"' });
  });
});

describe('nesting is bounded', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  test.each([
    [DEPTH_MAX, 'object'],
    [DEPTH_MAX + 1, 'string'],
  ])('%i levels give an %s', (depth, type) => {
    expect(typeof scanText(nested(depth))).toBe(type);
  });

  test('a megabyte of brackets is refused without a word of a stack', () => {
    expect(scanText('['.repeat(1_000_000))).toBe('parse_error');
    expect(scanText('{"a":'.repeat(200_000))).toBe('parse_error');
  });
});

test('a string of many megabytes is one step', () => {
  const scanned = scanText(`{"params":{"name":"${'a'.repeat(16 * 1024 * 1024)}"}}`);
  expect(scanned).toBeTypeOf('object');
});

test('whatever JSON.parse takes is taken, and nothing else', () => {
  // Mutations of a real message, by a generator with a fixed seed: a failure is the same at every run.
  let seed = 42;
  const random = (max: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % max;
  };
  const alphabet = [
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '0',
    '1',
    '-',
    '.',
    'e',
    'u',
    't',
    'true',
    'null',
    ' ',
    'ä',
    '\\u00e9',
    '\n',
  ];
  const base =
    '{"jsonrpc":"2.0","id":-1.5e3,"method":"tools/call","params":{"name":"x\\n","arguments":{"a":[1,true,null,"é"]}}}';
  for (let round = 0; round < 4000; round++) {
    let text = base;
    for (let i = 0; i <= random(3); i++) {
      const at = random(text.length);
      text = text.slice(0, at) + alphabet[random(alphabet.length)] + text.slice(at + random(3));
    }
    let valid = true;
    try {
      JSON.parse(text);
    } catch {
      valid = false;
    }
    const scanned = scanText(text);
    // What repeats a key is valid JSON, and refused all the same.
    if (scanned !== 'duplicate_key') expect(scanned !== 'parse_error', text).toBe(valid);
  }
});

test('a message, or its params, of more members than anybody needs is refused', () => {
  const members = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":1`).join(',');
  const { messageMembersMax } = LIMITS;
  const scanned = (text: string) => scan(Buffer.from(text), LIMITS.jsonDepthMax);
  expect(scanned(`{${members(messageMembersMax)}}`)).toMatchObject({ params: null });
  expect(scanned(`{${members(messageMembersMax + 1)}}`)).toBe('parse_error');
  expect(scanned(`{"params":{${members(messageMembersMax + 1)}}}`)).toBe('parse_error');
  // What a tool takes is its own affair.
  expect(scanned(`{"params":{"arguments":{${members(messageMembersMax + 1)}}}}`)).toMatchObject({});
});
