// Decides how long to wait before a part that ended is started again.
import { LIMITS } from '../../core/limits.ts';

export interface Restart {
  /** Quick ends in a row, this one included. */
  readonly failures: number;
  readonly pauseMs: number;
}

/** A part that ran this long counts as having started well. */
const STEADY_MS = 2 * LIMITS.restartBackoffMaxMs;

/** What follows an end: the pause doubles with each quick one, up to a bound. `failures` are those before. */
export function nextRestart(failures: number, ranMs: number): Restart {
  const now = ranMs >= STEADY_MS ? 1 : failures + 1;
  const pauseMs = Math.min(LIMITS.restartBackoffMaxMs, LIMITS.restartBackoffMinMs * 2 ** Math.min(now - 1, 16));
  return { failures: now, pauseMs };
}
