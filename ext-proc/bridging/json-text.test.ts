import { describe, expect, test } from 'vitest';
import { memberString, membersOf, memberText, withMember, withoutMembers } from './json-text.ts';

describe('the text of a member', () => {
  test.each<[string, string, string | null]>([
    ['a string', '{"a":"x"}', '"x"'],
    ['an integer beyond 2^53', '{"a":9007199254740993}', '9007199254740993'],
    ['an object with the same key inside', '{"b":{"a":1},"a":{"a":[1,{"a":"}"}]}}', '{"a":[1,{"a":"}"}]}'],
    ['a string with quotation marks and braces', '{"b":"\\"}{","a":"\\\\"}', '"\\\\"'],
    ['with white space everywhere', ' {\n "a" :\t[ 1 , 2 ] \n} ', '[ 1 , 2 ]'],
    ['a number before white space', '{"a":1 }', '1'],
    ['a key with escapes', '{"\\u0061":true}', 'true'],
    ['absent', '{"b":1}', null],
    ['in an empty object', '{ }', null],
    ['in what is no object', '["a"]', null],
  ])('%s', (_, text, wanted) => {
    expect(memberText(text, 'a')).toBe(wanted);
  });
  test('all of them, in order', () => {
    expect([...membersOf('{"a":{"x":1},"b":[],"c":null}').keys()]).toEqual(['a', 'b', 'c']);
  });
  test('only a string is one', () => {
    expect(memberString('{"a":"\\u00e4"}', 'a')).toBe('ä');
    expect(memberString('{"a":1}', 'a')).toBe(null);
    expect(memberString('{}', 'a')).toBe(null);
  });
});

describe('what changes', () => {
  test.each<[string, string, string]>([
    ['the first', '{"x":1,"a":2}', '{"a":2}'],
    ['the last', '{"a":2, "x":1}', '{"a":2}'],
    ['the only one', '{"x":1}', '{}'],
    ['several', '{"x":1,"a":9007199254740993,"y":2}', '{"a":9007199254740993}'],
    ['none: no byte', '{ "a" : 1 }', '{ "a" : 1 }'],
    ['in what is no object: no byte', '[1]', '[1]'],
  ])('without %s', (_, text, wanted) => {
    expect(withoutMembers(text, new Set(['x', 'y']))).toBe(wanted);
  });
  test.each<[string, string, string]>([
    ['into an empty object', '{}', '{"x":9}'],
    ['in place of what is no object', '5', '{"x":9}'],
    ['before others', '{ "a":1}', '{"x":9, "a":1}'],
    ['in place of one', '{"a":1,"x":{"x":2},"b":1}', '{"a":1,"x":9,"b":1}'],
  ])('a member %s', (_, text, wanted) => {
    expect(withMember(text, 'x', '9')).toBe(wanted);
  });
});
