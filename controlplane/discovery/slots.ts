// Decides how many pieces of work run at the same time; the rest waits in its order.

export interface Slots {
  /** Starts `work` when there is room. What it rejects with is the caller's. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** How many wait for room. */
  waiting(): number;
}

export function createSlots(width: number): Slots {
  let free = width;
  const waiting: (() => void)[] = [];
  return {
    waiting: () => waiting.length,
    async run(work) {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      }
    },
  };
}
