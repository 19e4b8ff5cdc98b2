// Decides how long a client waits before it tries again to reach the control plane.
import { LIMITS } from '../limits.ts';

/**
 * Doubles from attempt to attempt up to a bound; half of it is chance, so that clients of a restarted control plane do
 * not come all at once. Milliseconds.
 * @param failures attempts that failed since the last answer, from 1.
 * @param random from 0 to 1.
 */
export function retryPauseMs(failures: number, random: number): number {
  const full = Math.min(LIMITS.xdsRetryMaxMs, LIMITS.xdsRetryMinMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (0.5 + random / 2));
}
