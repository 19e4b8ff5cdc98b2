import { expect, test } from 'vitest';
import { figuresOf, type Measured, missed, tableOf } from './figures.ts';
import { readXdsOptions, type XdsOptions } from './options.ts';
import { heldBy } from './registry.ts';

const OPTIONS = readXdsOptions([]) as XdsOptions;
const none = { responses: 0, resources: 0, removed: 0, bytes: 0, pushes: 0 };
const MEASURED: Measured = {
  loadMs: 2_000,
  readMs: 30_000,
  startMs: 4_000,
  memory: { nowMb: 300, peakMb: 350 },
  first: { ...none, bytes: 2 ** 20 },
  firstMs: 1_500,
  changes: {
    changes: [
      { holders: 20, latencyMs: 40 },
      { holders: 10, latencyMs: 20 },
      { holders: 20, latencyMs: 90 },
    ],
    received: { ...none, responses: 50, resources: 50, bytes: 15_000 },
  },
  burst: { writes: 1_001, durationMs: 9_000, received: { ...none, pushes: 40 } },
};
const figuresBy = (measured: Measured) => new Map(figuresOf(OPTIONS, measured).map(({ name, value }) => [name, value]));

test('figures are counts, and ratios of counts', () => {
  const figures = figuresBy(MEASURED);
  expect(figures.get('resources for each client that holds what changed')).toBe(1);
  expect(figures.get('resources that came beside those')).toBe(0);
  expect(figures.get('bytes for one changed endpoint, to all clients')).toBe(5_000);
  expect(figures.get('bytes for one changed endpoint, to each of them')).toBe(300);
  expect(figures.get("from the API's 200 to the last ACK, median")).toBe(40);
  expect(figures.get('pushes for it')).toBe(40);
  expect(missed(figuresOf(OPTIONS, MEASURED))).toEqual([]);
});

test.each<[string, Partial<Measured>, RegExp]>([
  ['a slow start', { startMs: 11_000 }, /^start with that registry: found 11 s, wanted at most 10$/],
  ['too much memory', { memory: { nowMb: 601, peakMb: 601 } }, /^resident memory with all clients: found 601 MiB/],
  [
    'a resource too many',
    { changes: { ...MEASURED.changes, received: { ...MEASURED.changes.received, resources: 51 } } },
    /came beside those: found 1, wanted at most 0/,
  ],
  ['many pushes', { burst: { ...MEASURED.burst, received: { ...none, pushes: 101 } } }, /^pushes for it: found 101/],
  ['no change at all', { changes: { changes: [], received: none } }, /found NaN/],
])('%s is a missed bound', (_name, more, sentence) => {
  expect(missed(figuresOf(OPTIONS, { ...MEASURED, ...more })).join('\n')).toMatch(sentence);
});

test('where the system does not say how much memory there is, nothing is said of it', () => {
  expect(tableOf(figuresOf(OPTIONS, { ...MEASURED, memory: null }))).not.toContain('memory');
});

test('clients hold their share, neighbours beside each other, the wildcards all', () => {
  const size = { wildcards: 2, held: 3, servers: 10 };
  expect([0, 1, 2, 3].map((client) => heldBy(client, size))).toEqual([null, null, [6, 7, 8], [9, 0, 1]]);
  expect(heldBy(5, { ...size, servers: 2 })).toEqual([1, 0]);
});
