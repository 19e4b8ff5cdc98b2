import { expect, test } from 'vitest';
import { retryPauseMs } from './retry-pause.ts';

test.each<[string, number, number, number]>([
  ['the first pause is short', 1, 1, 50],
  ['it doubles', 2, 1, 100],
  ['it is bounded', 7, 1, 2_000],
  ['it stays bounded for ever', 10_000, 1, 2_000],
  ['half of it is chance', 2, 0, 50],
  ['chance lies between', 2, 0.5, 75],
])('%s', (_name, failures, random, pauseMs) => {
  expect(retryPauseMs(failures, random)).toBe(pauseMs);
});
