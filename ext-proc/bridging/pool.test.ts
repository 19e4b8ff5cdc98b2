import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { createPool, type Pool } from './pool.ts';

let nowMs: number;
let ended: string[];
let pool: Pool;
const session = (key: string) => ({
  key,
  end: async () => {
    ended.push(key);
  },
});
beforeEach(() => {
  nowMs = 0;
  ended = [];
  pool = createPool({ now: () => nowMs });
});
afterEach(() => pool.close());

test('a session is ended when nobody has used it for a while, and not before', () => {
  const release = pool.use(session('a'));
  release();
  nowMs = LIMITS.bridgedIdleMs - 1;
  pool.sweep();
  expect(ended).toEqual([]);
  nowMs += 1;
  pool.sweep();
  pool.sweep();
  expect(ended).toEqual(['a']);
  expect(pool.size).toBe(0);
});

test('one with a call in it is kept, however long that takes; its time begins with the end of the last', () => {
  const [first, second] = [pool.use(session('a')), pool.use(session('a'))];
  nowMs = 10 * LIMITS.bridgedIdleMs;
  first();
  // Giving back twice gives back nothing of the other's.
  first();
  nowMs *= 2;
  pool.sweep();
  expect(ended).toEqual([]);
  second();
  nowMs += LIMITS.bridgedIdleMs;
  pool.sweep();
  expect(ended).toEqual(['a']);
});

test('at the end of the process all are ended, also those that are used', async () => {
  pool.use(session('a'));
  pool.use(session('b'))();
  await pool.close();
  expect(ended.toSorted()).toEqual(['a', 'b']);
});

test('what finds no room is left to its server', () => {
  const small = createPool({ now: () => nowMs, entriesMax: 1 });
  small.use(session('a'));
  small.use(session('b'))();
  expect(small.size).toBe(1);
});
