import { describe, expect, test } from 'vitest';
import {
  FIRST_STATES,
  LIFECYCLE,
  LIFECYCLE_STATES,
  type LifecycleState,
  REMOVABLE_STATES,
  transitionProblem,
} from './lifecycle.ts';

test('every state has a row, in the order of a version’s life', () => {
  expect(Object.keys(LIFECYCLE)).toEqual([...LIFECYCLE_STATES]);
});

test('nothing is dialled before a review has passed', () => {
  const reached = LIFECYCLE_STATES.filter((state) => LIFECYCLE[state].reached);
  expect(reached).toEqual(['staging', 'canary', 'active', 'deprecated']);
});

test('what is served is reached and known, and what is gone is known only', () => {
  for (const state of LIFECYCLE_STATES.filter((each) => LIFECYCLE[each].served)) {
    expect(LIFECYCLE[state]).toMatchObject({ reached: true, known: true });
  }
  expect(LIFECYCLE.decommissioned).toMatchObject({ reached: false, served: false, known: true });
  expect(LIFECYCLE.staging).toMatchObject({ reached: true, served: false, known: false });
});

const ALLOWED: readonly (readonly [LifecycleState | null, LifecycleState])[] = [
  [null, 'requested'],
  [null, 'in-review'],
  [null, 'staging'],
  [null, 'active'],
  ['requested', 'in-review'],
  ['requested', 'decommissioned'],
  ['in-review', 'requested'],
  ['in-review', 'staging'],
  ['in-review', 'decommissioned'],
  ['staging', 'in-review'],
  ['staging', 'canary'],
  ['staging', 'active'],
  ['staging', 'decommissioned'],
  ['canary', 'staging'],
  ['canary', 'active'],
  ['canary', 'decommissioned'],
  ['active', 'deprecated'],
  ['deprecated', 'active'],
  ['deprecated', 'decommissioned'],
];

describe('a step', () => {
  const froms: readonly (LifecycleState | null)[] = [null, ...LIFECYCLE_STATES];
  test.each(froms.flatMap((from) => LIFECYCLE_STATES.map((to) => [from, to] as const)))('from %s to %s', (from, to) => {
    const allowed = from === to || ALLOWED.some(([a, b]) => a === from && b === to);
    const problem = transitionProblem(from, to);
    if (allowed) expect(problem).toBeNull();
    else expect(problem).toContain(`"${to}"`);
  });

  test('that is refused says what is wanted instead', () => {
    expect(transitionProblem('requested', 'active')).toBe(
      '"active" does not follow "requested"; wanted in-review or decommissioned',
    );
    expect(transitionProblem('decommissioned', 'active')).toBe(
      '"active" does not follow "decommissioned"; wanted nothing: it is final',
    );
    expect(transitionProblem(null, 'canary')).toBe(
      'a new version begins as requested, in-review, staging or active, found "canary"',
    );
  });
});

test('a version that was served is decommissioned before it leaves', () => {
  expect(FIRST_STATES.every((state) => transitionProblem(null, state) === null)).toBe(true);
  for (const state of LIFECYCLE_STATES) {
    expect(REMOVABLE_STATES.includes(state)).toBe(!LIFECYCLE[state].served);
  }
});
