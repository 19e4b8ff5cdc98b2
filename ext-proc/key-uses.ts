// Decides which uses of API keys are worth a report: one of each key in an interval.
import { LIMITS } from '../core/limits.ts';

export interface KeyUse {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

export interface KeyUses {
  /** Whether there is something to report now. A use within the interval after a reported one says nothing new. */
  used(id: string, atMs: number): boolean;
  /** What is to be reported; from then on it is not any more. */
  take(): readonly KeyUse[];
  /** What was taken and did not arrive; a newer use of the same key counts instead. */
  putBack(uses: readonly KeyUse[]): void;
  readonly size: number;
}

/** Bounded: beyond LIMITS.apiKeysMax keys, the one that was noted first is forgotten, and so is reported again. */
export function createKeyUses(keysMax: number = LIMITS.apiKeysMax): KeyUses {
  const noted = new Map<string, number>();
  let waiting = new Map<string, number>();
  return {
    used(id, atMs) {
      const last = noted.get(id);
      if (last !== undefined && atMs - last < LIMITS.keyUseIntervalMs) return false;
      noted.delete(id);
      const [oldest] = noted.keys();
      if (oldest !== undefined && noted.size >= keysMax) {
        noted.delete(oldest);
        waiting.delete(oldest);
      }
      noted.set(id, atMs);
      waiting.set(id, atMs);
      return true;
    },
    take() {
      const taken = [...waiting].map(([id, atMs]) => ({ id, atMs }));
      waiting = new Map();
      return taken;
    },
    putBack(uses) {
      waiting = new Map([...uses.map(({ id, atMs }) => [id, atMs] as const), ...waiting]);
      for (const id of waiting.keys()) if (waiting.size > keysMax) waiting.delete(id);
    },
    get size() {
      return waiting.size;
    },
  };
}
