import { expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import type { Value } from '../mcp/value.ts';
import { twinProblem } from './twins.ts';

const SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    amount: { type: 'number' },
    payment: { type: 'object', properties: { amount: { type: 'number' } } },
    lines: { type: 'array', items: { type: 'object', properties: { id: {} } } },
    env: { type: 'object' },
    n: {},
    N: {},
  },
};

test.each<[string, Value, string]>([
  ['one that the schema names, in another case', { Amount: 1 }, '/amount must be written so, in no other case'],
  ['both', { amount: 1, Amount: 2 }, 'two arguments differ only in case'],
  ['two of which the schema names none', { x: 1, X: 2 }, 'two arguments differ only in case'],
  ['the Kelvin sign', { key: 1, '\u212aey': 2 }, 'two arguments differ only in case'],
  ['the long s', { lineſ: [] }, '/lines must be written so, in no other case'],
  ['further in', { payment: { AMOUNT: 1 } }, '/payment/amount must be written so, in no other case'],
  ['in a list', { lines: [{ id: 1 }, { ID: 1 }] }, '/lines/1/id must be written so, in no other case'],
])('%s is refused', (_, args, problem) => {
  expect(twinProblem(args, SCHEMA)).toBe(problem);
});

test.each<[string, Value, JsonObject | null]>([
  ['what the schema names', { amount: 1, payment: { amount: 2 }, lines: [{ id: 3 }] }, SCHEMA],
  ['two that the schema names both', { n: 1, N: 2 }, SCHEMA],
  ['keys of a map', { env: { Path: 'a', PATH: 'b' } }, SCHEMA],
  ['others', { total: 1 }, SCHEMA],
  ['no schema', { Amount: 1 }, null],
  ['no object', [1], SCHEMA],
])('%s passes', (_, args, schema) => {
  expect(twinProblem(args, schema)).toBeNull();
});

test('two that differ in case are refused without a schema', () => {
  expect(twinProblem({ a: 1, A: 2 }, null)).toBe('two arguments differ only in case');
});
