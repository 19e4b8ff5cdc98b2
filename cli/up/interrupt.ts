// Decides what a further stop signal means: the same wish come twice, or a person who will not wait.
import { LIMITS } from '../../core/limits.ts';

export type Interrupt = 'stop' | 'same' | 'kill';

/**
 * `firstMs` is when the first signal came, null for none. npm sends its child the signal that the terminal already sent
 * to both, so what follows at once means nothing more.
 */
export function meaningOf(firstMs: number | null, nowMs: number): Interrupt {
  if (firstMs === null) return 'stop';
  return nowMs - firstMs <= LIMITS.sameInterruptMs ? 'same' : 'kill';
}
