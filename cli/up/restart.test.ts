import { expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { nextRestart } from './restart.ts';

test.each([
  ['the first end is followed by the shortest pause', 0, 50, { failures: 1, pauseMs: LIMITS.restartBackoffMinMs }],
  ['the second quick end in a row doubles it', 1, 50, { failures: 2, pauseMs: 2 * LIMITS.restartBackoffMinMs }],
  ['the pause has a bound', 20, 50, { failures: 21, pauseMs: LIMITS.restartBackoffMaxMs }],
  [
    'a count beyond any number stays within the bound',
    5_000,
    50,
    { failures: 5_001, pauseMs: LIMITS.restartBackoffMaxMs },
  ],
  ['a part that ran well starts the count anew', 7, 60_000, { failures: 1, pauseMs: LIMITS.restartBackoffMinMs }],
])('%s', (_name, failures, ranMs, wanted) => {
  expect(nextRestart(failures, ranMs)).toEqual(wanted);
});
