import { describe, expect, test } from 'vitest';
import { exactText, parseExact } from './json.ts';
import { canonicalJson, contentHash } from './runtime/canonical.ts';

describe('a number that a double does not hold stays as it was written', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890123456789',
    '0.12345678901234567890',
    '12345678.123456789',
    '1e400',
    '-1E+400',
    '1e-400',
    '9007199254740993.0',
    `1${'0'.repeat(400)}`,
  ])('%s', (number) => {
    const text = `{"a":[{"b":${number}}],"c":1}`;
    expect(JSON.stringify(parseExact(text))).toBe(text);
    expect(canonicalJson(parseExact(text))).toBe(text);
    expect(exactText((parseExact(`[${number}]`) as unknown[])[0])).toBe(number);
  });
});

test.each([
  '1',
  '-0',
  '0',
  '1.0',
  '1E+2',
  '9007199254740992',
  '100000000000000000000',
  '0.1',
  '1.0e100',
  '5e-324',
  '1e308',
  '0.0e999',
])('one that it holds is a number: %s', (text) => {
  expect((parseExact(`[${text},9007199254740993]`) as unknown[])[0]).toBe(Number(text));
  expect(parseExact(text)).toBe(Number(text));
});

test('digits in a text are no number', () => {
  const text = '{"1234567890123456789":"1234567890123456789","e":"1e999","d":true,"n":null}';
  expect(parseExact(text)).toEqual(JSON.parse(text));
});

test.each(['', '{', '{"a":12345678901234567890', '01234567890123456789', '1e999x'])('%j is no JSON', (text) => {
  expect(() => parseExact(text)).toThrow(SyntaxError);
});

test('a member named __proto__ is a member', () => {
  const value = parseExact('{"__proto__":{"a":9007199254740993}}') as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(JSON.stringify(value)).toBe('{"__proto__":{"a":9007199254740993}}');
});

test('what is written and read again is the same, and has the same hash', () => {
  const value = parseExact('{"b":1.0,"a":9007199254740993,"c":1E2,"d":{"e":1e400}}');
  const again = parseExact(canonicalJson(value));
  expect(canonicalJson(again)).toBe('{"a":9007199254740993,"b":1,"c":100,"d":{"e":1e400}}');
  expect(contentHash(again)).toBe(contentHash(value));
  expect(contentHash(value)).not.toBe(contentHash(parseExact(canonicalJson(value).replace('993', '992'))));
});

test.each([null, undefined, 1, '9007199254740993', {}, { rawJSON: '1' }])('%j is no such number', (value) => {
  expect(exactText(value)).toBeNull();
});
