// Decides whether quantiles are right to a fiftieth.
import { expect, test } from 'vitest';
import { Histogram, quantileUs } from './histogram.ts';

test.each([1, 63, 64, 65, 1000, 12_345, 999_999, 50_000_000])('%d us is found again', (us) => {
  const histogram = new Histogram();
  histogram.record(us);
  const found = quantileUs([histogram.counts()], 0.5) ?? Number.NaN;
  expect(Math.abs(found - us)).toBeLessThanOrEqual(us / 50);
});

test('what is over the last bucket counts as the last one, what is below the first as the first', () => {
  const histogram = new Histogram();
  histogram.record(10 ** 12);
  histogram.record(-1);
  expect(quantileUs([histogram.counts()], 0.1)).toBe(0);
  expect(quantileUs([histogram.counts()], 1)).toBeGreaterThan(60_000_000);
});

test('quantiles are taken over several rounds together', () => {
  const [fast, slow] = [new Histogram(), new Histogram()];
  for (let count = 0; count < 99; count += 1) fast.record(10);
  slow.record(5000);
  const all = [fast.counts(), slow.counts()];
  expect(quantileUs(all, 0.5)).toBe(10);
  expect(quantileUs(all, 0.99)).toBe(10);
  expect(quantileUs(all, 1)).toBeGreaterThan(4900);
});

test('of nothing there is no quantile, and a cleared histogram holds nothing', () => {
  const histogram = new Histogram();
  histogram.record(7);
  histogram.clear();
  expect(quantileUs([histogram.counts()], 0.5)).toBeNull();
});
