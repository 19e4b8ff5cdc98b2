// Decides how time passes in the discovery tests: when the test says so.
import type { Clock } from '../clock.ts';

export class HeldClock implements Clock {
  readonly timers: { atMs: number; work: () => void }[] = [];
  #nowMs = 0;
  nowMs = (): number => this.#nowMs;
  after = (ms: number, work: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + ms, work };
    this.timers.push(timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index >= 0) this.timers.splice(index, 1);
    };
  };
  /** To the next timer, which runs; returns the pause until it. */
  next(): number {
    this.timers.sort((a, b) => a.atMs - b.atMs);
    const timer = this.timers.shift();
    if (timer === undefined) throw new Error('nothing is planned');
    const pause = timer.atMs - this.#nowMs;
    this.#nowMs = timer.atMs;
    timer.work();
    return pause;
  }
  /** Time passes without a timer. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }
}
