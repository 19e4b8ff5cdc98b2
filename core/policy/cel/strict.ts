// Decides what an operation comes to whose operands failed or are not known.
import { type CelValue, Failure, type Frame, type Result, type Run } from './results.ts';
import { UNKNOWN } from './types.ts';

/** All of the operands, unless one fails (then nothing can help) or is not known. */
export function strict(runs: readonly Run[], give: (values: CelValue[], frame: Frame) => Result): Run {
  return (frame) => {
    const values: CelValue[] = [];
    let isUnknown = false;
    for (const run of runs) {
      const value = run(frame);
      if (value instanceof Failure) return value;
      if (value === UNKNOWN) isUnknown = true;
      else values.push(value);
    }
    return isUnknown ? UNKNOWN : give(values, frame);
  };
}

export function binary(runs: readonly Run[], give: (a: CelValue, b: CelValue, frame: Frame) => Result): Run {
  const [left, right] = runs as [Run, Run];
  return (frame) => {
    const a = left(frame);
    if (a instanceof Failure) return a;
    const b = right(frame);
    if (b instanceof Failure) return b;
    return a === UNKNOWN || b === UNKNOWN ? UNKNOWN : give(a, b, frame);
  };
}
