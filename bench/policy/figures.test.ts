import { expect, test } from 'vitest';
import { compilePolicies, decide } from '../../core/policy/decide.ts';
import { missed, tableOf } from '../xds/figures.ts';
import { policiesOf, questionOf, SHAPES, type Shape } from './cases.ts';
import { figuresOf, type MeasuredPolicies } from './figures.ts';
import { readPolicyOptions } from './options.ts';

const MEASURED: MeasuredPolicies = {
  decisions: [
    { shape: 'by group', rules: 1, ns: 2500 },
    { shape: 'by group', rules: 200, ns: 10_500 },
  ],
  before: { parse: 2000, args: 500, schema: 300 },
  list: { tools: 1000, rules: 200, firstMs: 9, againMs: 1.234 },
  compile: { rules: 5000, ms: 400 },
  memory: [
    { rules: 1000, document: 1024, compiled: 4096 },
    { rules: 20_000, document: 1024, compiled: 4096 },
  ],
};

test('each figure has its unit and its bound', () => {
  const table = tableOf(figuresOf(MEASURED));
  expect(table).toContain('| a decision, 1 rules by group | 2.5 µs | 3 µs |');
  expect(table).toContain('| a list of 1000 tools, 200 rules | 1.23 ms | 3 ms |');
  expect(table).toContain('| a rule of most, to one of fewest | 1 | 1.25 |');
});

test('what is over its bound is said', () => {
  expect(missed(figuresOf(MEASURED))).toEqual(['a decision, 200 rules by group: found 10.5 µs, wanted at most 10']);
});

test.each(Object.keys(SHAPES) as Shape[])('of the rules %s one speaks of the call and allows it', (shape) => {
  for (const count of [1, 20, 200]) {
    expect(decide(compilePolicies(policiesOf(shape, count)), questionOf(shape, count))).toMatchObject({
      allowed: true,
      ruleIds: [`p0/r${count - 1}`],
    });
  }
});

test('the command line', () => {
  expect(readPolicyOptions([])).toEqual({ quick: false, json: null, check: false });
  expect(readPolicyOptions(['--quick', '--json', 'x', '--check'])).toEqual({ quick: true, json: 'x', check: true });
  expect(readPolicyOptions(['--fast'])).toEqual({ problem: expect.stringContaining('--fast') });
});
