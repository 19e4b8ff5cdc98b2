import { expect, test } from 'vitest';
import { figureOf, LIST_MS_MAX, listing, markdown, OVERHEAD_MS_MAX, overhead } from './figures.ts';

const figure = (medianMs: number) => ({ what: 'x', p10Ms: medianMs, medianMs, p95Ms: medianMs });

test.each([
  ['of one', [3], 3, 3, 3],
  ['in no order', [5, 1, 3, 2, 4], 1, 3, 5],
  ['of none', [], 0, 0, 0],
])('times %s have a median and a 95th part', (_, times, p10Ms, medianMs, p95Ms) => {
  expect(figureOf({ what: 'x', times })).toEqual({ what: 'x', p10Ms, medianMs, p95Ms });
});

test.each([
  ['at the bound', OVERHEAD_MS_MAX, true],
  ['above it', OVERHEAD_MS_MAX + 0.1, false],
  ['below the direct way', -1, true],
])('an overhead %s', (_, more, met) => {
  expect(overhead('initialize', figure(50), figure(50 + more)).met).toBe(met);
});

test.each([
  ['in time', LIST_MS_MAX - 0.1, 0, true],
  ['too late', LIST_MS_MAX, 0, false],
  ['with a question to a backend', 1, 1, false],
])('a list %s', (_, medianMs, requests, met) => {
  expect(listing(figure(medianMs), requests).met).toBe(met);
});

test('the table has a line for each', () => {
  expect(markdown([figure(1), figure(2)]).split('\n')).toHaveLength(4);
});
