// Decides what discovery needs of time, so that a test can hold it.

export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs `work` once after `ms`; the returned function calls it off. */
  after(ms: number, work: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: Date.now,
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
