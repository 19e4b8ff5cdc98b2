import { afterEach, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { createNews } from './news.ts';
import { HeldClock } from './testdata/held-clock.ts';
import { initializeResult } from './testdata/scripted-server.ts';
import { closeAll, setup, target } from './testdata/world.ts';

afterEach(closeAll);

function news() {
  const clock = new HeldClock();
  const told: number[] = [];
  const state = { busy: false };
  const made = createNews({ clock, busy: () => state.busy, tell: (revision) => told.push(revision) });
  return { clock, told, state, ...made };
}

test('a change is told at once while nothing else waits to be read', () => {
  const { clock, told, changed } = news();
  changed(1);
  changed(2);
  expect(told).toEqual([1, 2]);
  expect(clock.timers).toEqual([]);
});

test('while much waits to be read the first is told at once, the later ones together, and the last with what is left', () => {
  const { clock, told, state, changed } = news();
  state.busy = true;
  changed(1);
  changed(2);
  changed(3);
  expect(told).toEqual([1]);
  expect(clock.next()).toBe(LIMITS.discoveryNewsMs);
  expect(told).toEqual([1, 3]);
  changed(4);
  state.busy = false;
  changed(5);
  expect(told).toEqual([1, 3, 5]);
  expect(clock.timers).toEqual([]);
});

test('nothing is told after the end', () => {
  const { clock, told, state, changed, close } = news();
  state.busy = true;
  changed(1);
  changed(2);
  close();
  changed(3);
  expect(told).toEqual([1]);
  expect(clock.timers).toEqual([]);
});

test('a thousand servers that are read at a start are told a few times', async () => {
  const { discovery, changes, saved } = setup({ initialize: () => initializeResult({}) }, { known: null });
  discovery.sync(Array.from({ length: 1_000 }, (_, index) => target(`s${index}`)));
  const read = new Set<string>();
  while (read.size < 1_000) read.add((await saved()).server);
  // The clock is held: the first one, and those for which nothing waited any more.
  expect(changes.length).toBeGreaterThan(1);
  expect(changes.length).toBeLessThanOrEqual(1 + 2 * LIMITS.discoveryWidthMax);
});
