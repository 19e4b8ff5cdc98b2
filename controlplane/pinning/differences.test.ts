import { expect, test } from 'vitest';
import { type JsonObject, parseExact } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { changedMembers, differences } from './differences.ts';

const tool = {
  name: 't',
  description: 'a',
  inputSchema: { type: 'object', properties: { 'a/b': { type: 'string' } } },
};

test.each([
  ['nothing', tool, []],
  ['a text', { ...tool, description: 'b' }, [{ path: '/description', change: 'changed', before: 'a', after: 'b' }]],
  ['what came', { ...tool, annotations: {} }, [{ path: '/annotations', change: 'added', after: {} }]],
  [
    'what went, deep inside, by a pointer',
    { ...tool, inputSchema: { type: 'object', properties: {} } },
    [{ path: '/inputSchema/properties/a~1b', change: 'removed', before: { type: 'string' } }],
  ],
  [
    'a list, which is one value',
    { ...tool, inputSchema: { ...tool.inputSchema, required: ['a'] } },
    [{ path: '/inputSchema/required', change: 'added', after: ['a'] }],
  ],
])('says of a change %s', (_, after, expected) => {
  expect(differences({ tool }, { tool: after })).toEqual(expected);
});

test('says of a new tool that all of it came', () => {
  expect(differences(null, { tool })).toEqual([{ path: '', change: 'added', after: tool }]);
  expect(changedMembers(null, { tool })).toEqual(['description', 'inputSchema', 'name']);
});

test('says where clients without capabilities are shown another one', () => {
  const bare = { ...tool, description: 'c' };
  expect(changedMembers({ tool }, { tool, bare })).toEqual(['withoutCapabilities']);
});

test('says of a number that no double holds that it is another', () => {
  const limited = (maximum: string) => ({ tool: parseExact(`{"inputSchema":{"maximum":${maximum}}}`) as JsonObject });
  const [before, after] = [limited('9007199254740993'), limited('9007199254740995')];
  expect(differences(before, before)).toEqual([]);
  expect(JSON.stringify(differences(before, after))).toBe(
    '[{"path":"/inputSchema/maximum","change":"changed","before":9007199254740993,"after":9007199254740995}]',
  );
});

test('is bounded', () => {
  const many = (value: number) =>
    Object.fromEntries(Array.from({ length: 2 * LIMITS.toolDifferencesMax }, (_, index) => [`p${index}`, value]));
  const found = differences({ tool: { _meta: many(1) } }, { tool: { _meta: many(2) } });
  expect(found).toHaveLength(LIMITS.toolDifferencesMax);
});
