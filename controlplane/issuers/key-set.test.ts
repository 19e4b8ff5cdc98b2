import { expect, test } from 'vitest';
import { type KeySet, keysIn, NO_KEYS, nextPruneMs, pruned, rotated } from './key-set.ts';

const key = (kid: string, x = 'x') => ({ kty: 'OKP', kid, x });
const kids = (set: KeySet) => keysIn(set).map(({ kid, x }) => `${kid}${x === 'x' ? '' : x}`);
const OVERLAP_MS = 100;
const first = rotated(NO_KEYS, [key('a'), key('b')], 0, OVERLAP_MS);

test('keys that are listed are good for as long as they are', () => {
  expect(kids(pruned(first, 1_000_000, OVERLAP_MS))).toEqual(['a', 'b']);
  expect(nextPruneMs(first, OVERLAP_MS)).toBe(Number.POSITIVE_INFINITY);
});

test('a key that vanished is good until the overlap is over, counted from when it was missed first', () => {
  const second = rotated(first, [key('b'), key('c')], 10, OVERLAP_MS);
  const third = rotated(second, [key('b'), key('c')], 60, OVERLAP_MS);
  expect(kids(third)).toEqual(['b', 'c', 'a']);
  expect(nextPruneMs(third, OVERLAP_MS)).toBe(110);
  expect(kids(pruned(third, 109, OVERLAP_MS))).toEqual(['b', 'c', 'a']);
  expect(kids(pruned(third, 110, OVERLAP_MS))).toEqual(['b', 'c']);
});

test('a key that comes back is as if it had never been away', () => {
  const away = rotated(first, [key('b')], 10, OVERLAP_MS);
  const back = rotated(away, [key('a'), key('b')], 20, OVERLAP_MS);
  expect(nextPruneMs(back, OVERLAP_MS)).toBe(Number.POSITIVE_INFINITY);
});

test('the same kid with another content is another key', () => {
  expect(kids(rotated(first, [key('a', 'y'), key('b')], 10, OVERLAP_MS))).toEqual(['ay', 'b', 'a']);
});

test('without an overlap a key is gone at once', () => {
  expect(kids(rotated(first, [key('b')], 10, 0))).toEqual(['b']);
});
