import { describe, expect, test } from 'vitest';
import { createCounts } from './counts.ts';
import { countKey, overMs, partAt, partMs } from './windows.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const take = (amount = 1, over: object = {}) => ({ key: 'k', amount, limit: 3, windowMs: HOUR_MS, ...over });

describe('a window', () => {
  test('never has more than its limit, wherever it begins', () => {
    const counts = createCounts();
    const taken: number[] = [];
    for (let nowMs = NOW_MS; nowMs < NOW_MS + 5 * HOUR_MS; nowMs += 60_000)
      if (counts.take([take()], nowMs).ok) taken.push(nowMs);
    for (const from of taken) expect(taken.filter((at) => at >= from && at < from + HOUR_MS).length).toBeLessThan(4);
    // And has room again when a part of it is over.
    expect(taken.length).toBeGreaterThanOrEqual(12);
  });

  test('says when there is room again, and there is', () => {
    const counts = createCounts();
    for (let i = 0; i < 3; i++) expect(counts.take([take()], NOW_MS + i * partMs(HOUR_MS))).toEqual({ ok: true });
    const refused = counts.take([take()], NOW_MS + HOUR_MS / 2);
    if (refused.ok) throw new Error('wanted a refusal');
    const again = NOW_MS + HOUR_MS / 2 + refused.retryAfterMs;
    expect(counts.take([take()], again - 1).ok).toBe(false);
    expect(counts.take([take()], again)).toEqual({ ok: true });
  });

  test('has no room for nothing when it is full', () => {
    const counts = createCounts();
    expect(counts.take([take(0)], NOW_MS)).toEqual({ ok: true });
    counts.add([{ key: 'k', amount: 1000, windowMs: HOUR_MS }], NOW_MS);
    expect(counts.take([take(0)], NOW_MS)).toMatchObject({ ok: false, key: 'k' });
  });

  test('tells what never fits to wait for the whole window', () => {
    expect(createCounts().take([take(4)], NOW_MS)).toEqual({ ok: false, key: 'k', retryAfterMs: HOUR_MS });
  });
});

describe('several takes', () => {
  test('take from all or from none', () => {
    const counts = createCounts();
    const other = take(1, { key: 'other', limit: 1 });
    expect(counts.take([take(2), other], NOW_MS)).toEqual({ ok: true });
    expect(counts.take([take(1), other], NOW_MS)).toMatchObject({ ok: false, key: 'other' });
    expect(counts.take([take(1)], NOW_MS)).toEqual({ ok: true });
    expect(counts.take([take(1)], NOW_MS)).toMatchObject({ ok: false, key: 'k' });
  });

  test('of one key are taken together', () => {
    const counts = createCounts();
    expect(counts.take([take(2), take(2)], NOW_MS)).toMatchObject({ ok: false });
    expect(counts.take([take(2), take(1)], NOW_MS)).toEqual({ ok: true });
  });

  test('of one key in windows of two lengths are two', () => {
    const counts = createCounts();
    const both = [take(3), take(3, { windowMs: 60_000 })];
    expect(counts.take(both, NOW_MS)).toEqual({ ok: true });
    expect(counts.tell().map(({ windowMs, amount }) => [windowMs, amount])).toEqual([
      [HOUR_MS, 3],
      [60_000, 3],
    ]);
  });
});

describe('what others counted', () => {
  const part = partAt(NOW_MS, HOUR_MS);
  const shared = (amount: number) => [{ key: countKey('k', HOUR_MS), windowMs: HOUR_MS, part, amount }];

  test('counts, and what was told does not count twice when it is stored', () => {
    const counts = createCounts();
    counts.take([take()], NOW_MS);
    expect(counts.tell()).toEqual(shared(1));
    expect(counts.tell()).toEqual([]);
    counts.stored();
    counts.shared(shared(2), false);
    expect(counts.take([take()], NOW_MS).ok).toBe(true);
    expect(counts.take([take()], NOW_MS).ok).toBe(false);
  });

  test('is forgotten with the whole state, and what is ours is not', () => {
    const counts = createCounts();
    counts.shared(shared(3), false);
    expect(counts.take([take()], NOW_MS).ok).toBe(false);
    counts.shared([], true);
    expect(counts.take([take(3)], NOW_MS).ok).toBe(true);
    counts.shared([], true);
    expect(counts.take([take()], NOW_MS).ok).toBe(false);
  });

  test('is no reason to let a new key through when there is no room for it', () => {
    const counts = createCounts();
    counts.shared(shared(1), true);
    counts.full = true;
    expect(counts.take([take()], NOW_MS).ok).toBe(true);
    expect(counts.take([take(1, { key: 'new' })], NOW_MS)).toMatchObject({ ok: false, key: 'new' });
    counts.full = false;
    expect(counts.take([take(1, { key: 'new' })], NOW_MS).ok).toBe(true);
    const one = createCounts(1);
    one.take([take()], NOW_MS);
    expect(one.take([take(1, { key: 'new' })], NOW_MS).ok).toBe(false);
  });
});

test('what does not count any more is forgotten', () => {
  const counts = createCounts(1);
  counts.take([take()], NOW_MS);
  counts.tell();
  counts.stored();
  counts.shared([{ key: countKey('k', HOUR_MS), windowMs: HOUR_MS, part: partAt(NOW_MS, HOUR_MS), amount: 1 }], false);
  const end = overMs(partAt(NOW_MS, HOUR_MS), HOUR_MS);
  counts.sweep(end - 1);
  expect(counts.take([take(1, { key: 'new' })], end).ok).toBe(false);
  counts.sweep(end);
  expect(counts.take([take(1, { key: 'new' })], end).ok).toBe(true);
});
