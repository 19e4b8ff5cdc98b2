// Decides whether figures are put together right: CPU times, cells, marks, targets, flags.
import { expect, test } from 'vitest';
import { type Cell, cellOf, type Measured } from './cell.ts';
import { cpuMsOf, cpuTimes, readPsTime, readStat, used } from './measure.ts';
import { readOptions } from './options.ts';
import { markdown, marks } from './table.ts';
import { verdicts } from './targets.ts';

const round = (calls: number, cpuMs: Record<string, number>, failures = {}): Measured => ({
  result: { calls, elapsedMs: 1000, latencies: [[50, calls]], failures, samples: [] },
  cpuMs,
  machineMs: 500,
});
const key = { lane: 'plain', textBytes: 64, sessions: 16 } as const;
const cell = (more: Partial<Cell>): Cell => ({
  ...cellOf(key, [round(1000, { load: 10, backend: 10, envoy: 50 })], 2),
  ...more,
});

test('CPU time is user plus system time, whatever the name of the process', () => {
  const stat = '12 (a) b (c) S 1 1 1 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 1 0 100 1 1';
  expect(readStat(stat, 100)).toBe(420);
  expect(readStat('nonsense', 100)).toBeNull();
  expect(cpuMsOf(process.pid)).toBeGreaterThan(0);
  expect(cpuMsOf(2 ** 30)).toBeNull();
});

test.each([
  ['0:01.50', 1500],
  ['01:02:03', 3_723_000],
  ['1-00:00:01', 86_401_000],
  ['', null],
  ['soon', null],
])('ps says %j', (text, ms) => {
  expect(readPsTime(text)).toBe(ms);
});

test('a group is the sum of its processes, and unknown when one of them is gone', () => {
  const read = (pid: number): number | null => (pid < 10 ? pid : null);
  expect(cpuTimes({ a: [1, 2], b: [3, 99] }, read)).toEqual({ a: 3 });
  expect(used({ a: 3 }, { a: 5, b: 7 })).toEqual({ a: 2 });
});

test('a cell is the sum of its rounds', () => {
  const rounds = [
    round(1000, { load: 10, backend: 20, envoy: 60 }),
    round(3000, { load: 30, backend: 60, envoy: 180 }, { deadline: 2 }),
  ];
  expect(cellOf(key, rounds, 2)).toMatchObject({
    calls: 4000,
    failed: 2,
    rps: 2000,
    p50Ms: 0.05,
    cpuUsPerCall: { load: 10, backend: 20, envoy: 60 },
    ownShare: 0.03,
    ownBusiest: 0.04,
    foreignShare: 0.16,
  });
});

test('a cell of a run without any call has no figures, and no division by nothing', () => {
  const { rps, p50Ms, cpuUsPerCall } = cellOf(key, [round(0, { load: 1 })], 2);
  expect({ rps, p50Ms, cpuUsPerCall }).toEqual({ rps: 0, p50Ms: 0, cpuUsPerCall: { load: 0 } });
});

test.each([
  [0.33, 0.5, 0.09, ''],
  [0.34, 0.5, 0, '*'],
  [0.3, 0.9, 0, '!'],
  [0.3, 0.5, 0.11, '~'],
  [0.5, 1, 0.5, '*!~'],
])('shares of %d, %d and %d are marked "%s"', (ownShare, ownBusiest, foreignShare, mark) => {
  expect(marks(cell({ ownShare, ownBusiest, foreignShare }))).toBe(mark);
});

test('the table shows the ratio to the plain hop of the same size and sessions', () => {
  const cells = [cell({ lane: 'chancery', rps: 400 }), cell({ rps: 1000 }), cell({ sessions: 64, rps: 5 })];
  const lines = markdown(cells).split('\n');
  expect(lines).toHaveLength(5);
  expect(lines[2]).toMatch(/plain .* 1\.00 /);
  expect(lines[3]).toMatch(/chancery .* 0\.40 /);
});

test('a target is met, missed, or not spoken of when its cells were not measured', () => {
  const plain = cell({ rps: 1000 });
  const chancery = cell({ lane: 'chancery', rps: 350, cpuUsPerCall: { envoy: 150, 'ext-proc': 150 } });
  expect(verdicts([plain, chancery]).map(({ met }) => met)).toEqual([true, false]);
  expect(verdicts([plain, chancery])[1]?.sentence).toBe(
    "MISSED: 64 B, 16 sessions: CPU per call of Envoy and ext-proc, of the plain hop's Envoy: 6.00 (wanted at most 5.5)",
  );
  expect(verdicts([plain])).toEqual([]);
});

test.each([
  [['--lanes', 'direct,other'], '--lanes: found "other", wanted direct, plain, chancery'],
  [['--sessions', '0'], '--sessions: found "0", wanted a whole number from 1 to 512'],
  [['--soak', 'many'], '--soak: found "many", wanted a whole number from 1 to 100000000'],
])('the flags %j are refused', (argv, problem) => {
  expect(readOptions(argv)).toEqual({ problem });
});

test('without flags every way, both sizes and three numbers of sessions are measured', () => {
  expect(readOptions([])).toMatchObject({
    plan: { lanes: ['direct', 'plain', 'chancery'], sizes: [64, 100_000], sessions: [1, 16, 64] },
    soak: null,
    json: null,
    check: false,
  });
});
