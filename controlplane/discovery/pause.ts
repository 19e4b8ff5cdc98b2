// Decides how long a server is left alone before it is read again.
import { LIMITS } from '../../core/limits.ts';

/**
 * Between half and all of the interval, or of a pause that doubles with each failure after the first few: so that many
 * do not come at once, and one that is only starting is read as soon as it can be.
 */
export function pauseMs(failures: number, random: () => number): number {
  if (failures === 0) return spread(LIMITS.discoveryIntervalMs, random);
  const doublings = Math.max(0, failures - LIMITS.discoveryQuietFailuresMax);
  return spread(doubled(LIMITS.discoveryRetryMinMs, doublings, LIMITS.discoveryRetryMaxMs), random);
}

/** After the `ends`-th stream in a row that did not last. */
export function streamPauseMs(ends: number, random: () => number): number {
  return spread(doubled(LIMITS.discoveryStreamPauseMs, ends - 1, LIMITS.discoveryIntervalMs), random);
}

function doubled(ms: number, times: number, msMax: number): number {
  return Math.min(msMax, ms * 2 ** Math.min(times, 30));
}

function spread(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}
