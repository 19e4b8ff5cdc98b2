// Decides how the properties are run in a thread that can be ended: one after the other, and each failure is told.
import { parentPort, workerData } from 'node:worker_threads';
import { PROPERTIES } from './properties.ts';
import type { FromWorker, Work } from './run.ts';

const { seed, runs, beats } = workerData as Work;
const counter = new Int32Array(beats);
const tell = (message: FromWorker): void => parentPort?.postMessage(message);

for (const [index, { name, run }] of PROPERTIES.entries()) {
  const cases = runs[index] ?? 0;
  if (cases === 0) continue;
  tell({ kind: 'begun', name });
  try {
    await run({ cases, seed, beat: () => void Atomics.add(counter, 0, 1) });
    tell({ kind: 'held', name, cases });
  } catch (error) {
    tell({ kind: 'failed', name, text: said(error) });
  }
}

/** fast-check tells the input; what went wrong with it is the cause. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${said(error.cause)}\n${error.message}`;
}
