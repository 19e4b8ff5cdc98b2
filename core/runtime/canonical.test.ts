import { describe, expect, test } from 'vitest';
import { canonicalJson, contentHash } from './canonical.ts';

describe('equal values have equal bytes', () => {
  test.each<[string, unknown, string]>([
    ['keys are in order', { b: 1, a: { d: 1, c: 2 } }, '{"a":{"c":2,"d":1},"b":1}'],
    [
      'by code unit, not by what a person would say',
      { ä: 1, z: 2, Z: 3, '10': 4, '9': 5 },
      '{"10":4,"9":5,"Z":3,"z":2,"ä":1}',
    ],
    ['beyond the basic plane as well (RFC 8785, 3.2.3)', { '\ufb33': 1, '\u{1f600}': 2 }, '{"\u{1f600}":2,"\ufb33":1}'],
    ['arrays keep theirs', [3, 1, [2]], '[3,1,[2]]'],
    ['what is undefined is left out', { a: undefined, b: null }, '{"b":null}'],
    ['texts are escaped as JSON does it', { 'a"\n': '\u2028\ud800' }, `{"a\\"\\n":"\u2028\\ud800"}`],
    ['numbers are as JavaScript writes them', [1.0, -0, 1e21, 0.1], '[1,0,1e+21,0.1]'],
    ['nothing at all', {}, '{}'],
    ['a text', 'a', '"a"'],
    ['null', null, 'null'],
    ['undefined', undefined, 'null'],
  ])('%s', (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
    if (value !== undefined) expect(canonicalJson(JSON.parse(text))).toBe(text);
  });

  test('a key called __proto__ is one', () => {
    expect(canonicalJson(JSON.parse('{"__proto__":1,"a":2}'))).toBe('{"__proto__":1,"a":2}');
  });
});

describe('the hash', () => {
  test('is the SHA-256 of the canonical JSON', () => {
    expect(contentHash({})).toBe('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });
  test('does not see the order of keys, and sees that of arrays', () => {
    expect(contentHash({ a: 1, b: 2 })).toBe(contentHash({ b: 2, a: 1 }));
    expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
    expect(contentHash({ a: '1' })).not.toBe(contentHash({ a: 1 }));
    expect(contentHash({ a: null })).not.toBe(contentHash({}));
  });
});
