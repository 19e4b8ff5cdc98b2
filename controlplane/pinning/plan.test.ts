import { describe, expect, test } from 'vitest';
import { type Pinning, pinningOf } from '../../core/catalog/documents/server.ts';
import type { JsonObject } from '../../core/json.ts';
import { definitionHash } from './definition.ts';
import { type Known, type Plan, pinOf, plan } from './plan.ts';
import type { ToolChange, ToolPin } from './types.ts';

const RULES = pinningOf({});
const tool = (name: string, over: JsonObject = {}): JsonObject => ({ name, description: `Does ${name}.`, ...over });
const A = tool('a');
const A2 = tool('a', { description: 'Does something else.' });
const WIDER = tool('a', { outputSchema: { type: 'object' } });

function read(tools: readonly JsonObject[], known: Partial<Known> = {}, rules: Partial<Pinning> = {}): Plan {
  const definitions = new Map(tools.map((each) => [String(each.name), { tool: each }]));
  return plan(
    { ...{ server: 's', version: '1', definitions, nowMs: 5 }, problemOf: () => null, rules: { ...RULES, ...rules } },
    { pins: null, changes: new Map(), wasRejected: () => false, ...known },
  );
}

/** What is remembered after a plan. */
function after(made: Plan, before: ReadonlyMap<string, ToolPin> = new Map()): Pick<Known, 'pins' | 'changes'> {
  return { pins: new Map([...before, ...made.pins.map((pin) => [pin.tool, pin] as const)]), changes: made.current };
}
const brief = ({ changes }: Plan) => changes.map(({ tool: name, kind, state }) => [name, kind, state].join(' '));
const pinned = ({ pins }: Plan) => pins.map((pin) => pin.tool);
const first = after(read([A]));

describe('a version that is read for the first time', () => {
  test('has its tools pinned as they are', () => {
    const made = read([A]);
    expect([pinned(made), brief(made)]).toEqual([['a'], []]);
    expect(made.pins[0]).toMatchObject({ hash: definitionHash({ tool: A }), approvedBy: null, firstSeenMs: 5 });
  });

  test('has none where somebody has to approve them, whatever is new later', () => {
    const made = read([A], {}, { first: 'approve', new: 'auto' });
    expect([pinned(made), brief(made)]).toEqual([[], ['a first pending']]);
    const again = read([A2], after(made), { first: 'approve', new: 'auto' });
    expect(brief(again)).toEqual(['a first pending', 'a first withdrawn']);
  });
});

describe('a tool that was pinned', () => {
  test('is what it was when nothing changed', () => {
    expect(read([A], first)).toEqual({ pins: [], changes: [], current: new Map() });
  });

  test('that is another waits, as one change for as long as it is the same', () => {
    const made = read([A2], first);
    expect([pinned(made), brief(made)]).toEqual([[], ['a changed pending']]);
    expect(made.current.get('a')).toMatchObject({ before: { tool: A }, after: { tool: A2 }, compatible: false });
    const again = read([A2], { ...first, changes: made.current });
    expect(again.changes).toEqual([]);
    expect(again.current.get('a')).toBe(made.current.get('a'));
  });

  test('that is another once more waits anew, without the canary of before', () => {
    const made = read([A2], first);
    const canary = { percent: 50, principals: [] };
    const shown = new Map([['a', { ...made.current.get('a')!, canary }]]);
    const again = read([tool('a', { description: 'x' })], { ...first, changes: shown });
    expect(brief(again)).toEqual(['a changed pending', 'a changed withdrawn']);
    expect(again.current.get('a')?.canary).toBeNull();
  });

  test.each([
    ['changes back', [A]],
    ['goes', []],
  ])('that %s leaves nothing that waits', (_, tools) => {
    const made = read(tools, { ...first, changes: read([A2], first).current });
    expect(brief(made)).toEqual(['a changed withdrawn']);
    expect(made.current.size).toBe(0);
  });

  test('that comes back as it was is as it was', () => {
    expect(read([A], after(read([], first), first.pins!)).changes).toEqual([]);
  });

  test('that was rejected stays so, also when it went in between, and by no rule', () => {
    const made = read([WIDER], first);
    const rejected: ToolChange = { ...made.current.get('a')!, state: 'rejected' };
    const held = new Map([['a', rejected]]);
    expect(read([WIDER], { ...first, changes: held }, { compatible: 'auto' })).toMatchObject({ pins: [], changes: [] });
    const gone = read([A], { ...first, changes: held });
    expect(brief(gone)).toEqual(['a changed rejected']);
    const back = read([WIDER], { ...first, wasRejected: (id) => id === rejected.id }, { compatible: 'auto' });
    expect([pinned(back), brief(back)]).toEqual([[], ['a changed rejected']]);
  });
});

describe('by rule', () => {
  test.each<[string, readonly JsonObject[], Partial<Pinning>, readonly string[], readonly string[]]>([
    ['a compatible change is taken', [WIDER], { compatible: 'auto' }, ['a'], ['a changed approved']],
    ['another one is not', [A2], { compatible: 'auto' }, [], ['a changed pending']],
    ['a compatible one waits where none is taken', [WIDER], {}, [], ['a changed pending']],
    ['a new tool is taken', [A, tool('b')], { new: 'auto' }, ['b'], ['b new approved']],
    ['a new tool waits where none is taken', [A, tool('b')], { compatible: 'auto' }, [], ['b new pending']],
    ['everything is taken, without a word, where nothing is pinned', [A2, tool('b')], { mode: 'off' }, ['a', 'b'], []],
    ['a change waits too where it is only warned of', [A2], { mode: 'warn' }, [], ['a changed pending']],
  ])('%s', (_, tools, rules, pins, changes) => {
    const made = read(tools, first, rules);
    expect([pinned(made), brief(made)]).toEqual([pins, changes]);
  });

  test('what waited is taken once a rule takes it', () => {
    const made = read([WIDER], { ...first, changes: read([WIDER], first).current }, { compatible: 'auto' });
    expect([pinned(made), brief(made)]).toEqual([['a'], ['a changed approved']]);
    expect(made.changes[0]).toMatchObject({ decidedBy: 'rule' });
  });
});

describe('a new name', () => {
  test.each([
    ['of a tool that is gone is told', [tool('b', { description: A.description! })], 'a'],
    ['of a tool that is still there is not', [A, tool('b', { description: A.description! })], null],
    ['that says something else is not', [tool('b')], null],
  ])('%s', (_, tools, from) => {
    expect(read(tools, first).current.get('b')).toMatchObject({ kind: 'new', renamedFrom: from });
  });
});

test('what is approved is pinned since it was first seen', () => {
  const change = read([A2], first).current.get('a')!;
  expect(pinOf(change, first.pins!.get('a')!, 9, 'alice')).toMatchObject({
    ...{ hash: change.hash, firstSeenMs: 5, approvedMs: 9, approvedBy: 'alice' },
  });
});
