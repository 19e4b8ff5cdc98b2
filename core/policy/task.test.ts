import { expect, test } from 'vitest';
import { decided, policyWith } from '../../test/support/policy-questions.ts';
import type { Policy, Rule } from './types.ts';

interface Row {
  readonly name: string;
  readonly rule: Pick<Rule, 'task' | 'tools'>;
  /** Only its task says what it reaches. */
  readonly bare?: true;
  readonly defined?: Policy['tasks'];
  readonly tasks: readonly string[];
  readonly surface?: string;
  readonly target?: string;
  readonly allowed: boolean;
}

const REFUNDS = { refunds: { surfaces: ['support'], tools: ['pay/*'] } };

const ROWS: readonly Row[] = [
  { name: 'a task that the caller has', rule: { task: ['refunds'] }, tasks: ['refunds'], allowed: true },
  { name: 'a task that he has not', rule: { task: ['refunds'] }, tasks: ['audits'], allowed: false },
  { name: 'no task at all', rule: { task: ['refunds'] }, tasks: [], allowed: false },
  { name: 'one of several', rule: { task: ['audits', 'refunds'] }, tasks: ['x', 'refunds'], allowed: true },
  { name: 'a glob', rule: { task: ['refunds-*'] }, tasks: ['refunds-eu'], allowed: true },
  { name: 'beside a glob', rule: { task: ['refunds-*'] }, tasks: ['refunds'], allowed: false },
  { name: 'another case', rule: { task: ['refunds'] }, tasks: ['Refunds'], allowed: false },
  {
    name: 'a defined task on its surface, with its tool',
    rule: { task: ['refunds'] },
    defined: REFUNDS,
    tasks: ['refunds'],
    surface: 'support',
    allowed: true,
  },
  {
    name: 'a defined task on another surface',
    rule: { task: ['refunds'] },
    defined: REFUNDS,
    tasks: ['refunds'],
    allowed: false,
  },
  {
    name: 'a defined task with another tool',
    rule: { task: ['refunds'] },
    defined: REFUNDS,
    tasks: ['refunds'],
    surface: 'support',
    target: 'crm/read',
    allowed: false,
  },
  {
    name: 'a defined task with a tool that only the task names',
    rule: { task: ['refunds'], tools: ['crm/*'] },
    defined: REFUNDS,
    tasks: ['refunds'],
    surface: 'support',
    allowed: false,
  },
  {
    name: 'a task that is not defined, beside one that is',
    rule: { task: ['*'] },
    defined: REFUNDS,
    tasks: ['audits'],
    allowed: true,
  },
  {
    name: 'two tasks of which the second covers the tool',
    rule: { task: ['refunds', 'all'] },
    defined: { ...REFUNDS, all: { tools: ['*'] } },
    tasks: ['refunds', 'all'],
    allowed: true,
  },
  {
    name: 'a task without tools, for a tool',
    rule: { task: ['prompts'] },
    defined: { prompts: { prompts: ['*'] } },
    tasks: ['prompts'],
    allowed: false,
  },
  {
    name: 'only a task, which names the tool',
    rule: { task: ['refunds'] },
    bare: true,
    defined: { refunds: { tools: ['pay/*'] } },
    tasks: ['refunds'],
    allowed: true,
  },
  {
    name: 'only a task, which does not name the tool',
    rule: { task: ['refunds'] },
    bare: true,
    defined: { refunds: { tools: ['pay/*'] } },
    tasks: ['refunds'],
    target: 'crm/read',
    allowed: false,
  },
  {
    name: 'only a glob, and a task of the token that nobody defines',
    rule: { task: ['*'] },
    bare: true,
    defined: { refunds: { tools: ['pay/*'] } },
    tasks: ['invented'],
    allowed: false,
  },
  {
    name: 'only a task that nobody defines',
    rule: { task: ['refunds'] },
    bare: true,
    tasks: ['refunds'],
    allowed: false,
  },
];

test.each(ROWS)('$name: allowed is $allowed', ({ rule, bare, defined, tasks, surface, target, allowed }) => {
  const policy: Policy = {
    ...policyWith([]),
    rules: [{ id: 'r0', effect: 'allow', ...(bare === undefined ? { tools: ['*'] } : {}), ...rule }],
    ...(defined === undefined ? {} : { tasks: defined }),
  };
  const parts = { principal: { tasks }, ...(surface && { surface }), ...(target && { target }) };
  expect(decided(policy, parts).allowed).toBe(allowed);
});

test('the task for which a rule holds is the first of the caller that it covers', () => {
  const rate = [{ calls: 1, per: '1h', by: ['task'] as const }];
  const policy = policyWith([{ task: ['*'], obligations: { rate } }], { tasks: { refunds: { tools: ['crm/*'] } } });
  const { obligations } = decided(policy, { principal: { tasks: ['refunds', 'b', 'a'] } });
  expect(obligations?.quotas.map(({ task }) => task)).toEqual(['b']);
});
