import { expect, test } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { createKeyUses } from './key-uses.ts';

const NOW_MS = 1_000_000;

test('a use is reported once in an interval', () => {
  const uses = createKeyUses();
  expect(uses.used('a', NOW_MS)).toBe(true);
  expect(uses.used('a', NOW_MS + 1)).toBe(false);
  expect(uses.take()).toEqual([{ id: 'a', atMs: NOW_MS }]);
  expect(uses.take()).toEqual([]);
  expect(uses.used('a', NOW_MS + LIMITS.keyUseIntervalMs - 1)).toBe(false);
  expect(uses.size).toBe(0);
  expect(uses.used('a', NOW_MS + LIMITS.keyUseIntervalMs)).toBe(true);
  expect(uses.take()).toEqual([{ id: 'a', atMs: NOW_MS + LIMITS.keyUseIntervalMs }]);
});

test('several keys are reported together, and what waits for long is the newest use of each', () => {
  const uses = createKeyUses();
  uses.used('a', NOW_MS);
  uses.used('b', NOW_MS + 1);
  uses.used('a', NOW_MS + 2 * LIMITS.keyUseIntervalMs);
  expect(uses.take()).toEqual([
    { id: 'a', atMs: NOW_MS + 2 * LIMITS.keyUseIntervalMs },
    { id: 'b', atMs: NOW_MS + 1 },
  ]);
});

test('what did not arrive is reported again, but for a key that was used since', () => {
  const uses = createKeyUses(2);
  uses.used('a', NOW_MS);
  uses.used('b', NOW_MS);
  const taken = uses.take();
  uses.used('a', NOW_MS + LIMITS.keyUseIntervalMs);
  uses.putBack(taken);
  expect(uses.take()).toEqual([
    { id: 'a', atMs: NOW_MS + LIMITS.keyUseIntervalMs },
    { id: 'b', atMs: NOW_MS },
  ]);
  uses.used('c', NOW_MS + 1);
  uses.putBack(taken);
  expect(uses.take().map(({ id }) => id)).toEqual(['b', 'c']);
});

test('there is a most of keys that are remembered', () => {
  const uses = createKeyUses(2);
  for (const id of ['a', 'b', 'c']) uses.used(id, NOW_MS);
  expect(uses.take().map(({ id }) => id)).toEqual(['b', 'c']);
  expect(uses.used('c', NOW_MS + 1)).toBe(false);
  expect(uses.used('a', NOW_MS + 1)).toBe(true);
});
