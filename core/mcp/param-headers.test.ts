import { describe, expect, test } from 'vitest';
import { argumentAt, paramHeadersOf, paramProblem } from './param-headers.ts';

describe('a schema declares', () => {
  test.each<[string, object, object[]]>([
    [
      'a string',
      { properties: { a: { type: 'string', 'x-mcp-header': 'Region' } } },
      [{ header: 'mcp-param-region', path: ['a'], numeric: false }],
    ],
    [
      'an integer below an object',
      { properties: { a: { properties: { b: { type: 'integer', 'x-mcp-header': 'N' } } } } },
      [{ header: 'mcp-param-n', path: ['a', 'b'], numeric: true }],
    ],
    ['nothing for a number', { properties: { a: { type: 'number', 'x-mcp-header': 'N' } } }, []],
    ['nothing for no token', { properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } }, []],
    ['nothing below items', { properties: { a: { items: { type: 'string', 'x-mcp-header': 'N' } } } }, []],
    ['nothing at its root', { type: 'string', 'x-mcp-header': 'N' }, []],
    [
      'nothing where a name comes twice',
      { properties: { a: { type: 'string', 'x-mcp-header': 'N' }, b: { type: 'string', 'x-mcp-header': 'n' } } },
      [],
    ],
  ])('%s', (_, schema, wanted) => {
    expect(paramHeadersOf(schema as never)).toEqual(wanted);
  });
});

describe('an argument', () => {
  test.each<[string, string, readonly string[], object]>([
    ['a string', '{"a":"\\u00e4"}', ['a'], { kind: 'value', text: 'ä' }],
    ['an integer beyond 2^53', '{"a":9007199254740993}', ['a'], { kind: 'value', text: '9007199254740993' }],
    ['inside', '{"a":{"b":true}}', ['a', 'b'], { kind: 'value', text: 'true' }],
    ['null', '{"a":null}', ['a'], { kind: 'none' }],
    ['absent', '{}', ['a'], { kind: 'none' }],
    ['an object', '{"a":{}}', ['a'], { kind: 'none' }],
    ['below what is no object', '{"a":1}', ['a', 'b'], { kind: 'none' }],
    ['twice', '{"a":1,"A":2}', ['a'], { kind: 'unreadable' }],
  ])('%s', (_, args, path, wanted) => {
    expect(argumentAt(Buffer.from(args), path)).toEqual(wanted);
  });
});

describe('header and argument', () => {
  const text = { header: 'mcp-param-a', path: ['a'], numeric: false };
  const number = { ...text, numeric: true };
  test.each<[string, typeof text, string, string | undefined, RegExp | null]>([
    ['agree', text, 'x', 'x', null],
    ['agree when encoded', text, 'ä', '=?base64?w6Q=?=', null],
    ['agree as numbers', number, '42', '42.0', null],
    ['agree beyond 2^53', number, '9007199254740993', '9007199254740993', null],
    ['need not agree where none can be written', number, '9007199254740993', undefined, null],
    ['disagree', text, 'x', 'y', /is not the argument/],
    ['disagree in another case', text, 'x', 'X', /is not the argument/],
    ['disagree beyond 2^53', number, '9007199254740993', '9007199254740992', /is not the argument/],
    ['disagree as texts', text, '42', '42.0', /is not the argument/],
    ['disagree where it is missing', text, 'x', undefined, /is missing/],
    ['disagree where it is encoded wrongly', text, 'x', '=?base64?*?=', /Base64/],
  ])('%s', (_, param, value, said, wanted) => {
    const problem = paramProblem(param, value, said);
    if (wanted === null) expect(problem).toBeNull();
    else expect(problem).toMatch(wanted);
  });
});
