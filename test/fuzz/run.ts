// Decides how many cases each property gets, and that none of them throws, hangs or eats the memory.
import { Worker } from 'node:worker_threads';
import { PROPERTIES } from './properties.ts';

/** One case takes microseconds: this is forever. */
const HANG_MS = 30_000;
/** Of the thread that runs the cases; what it holds of one case is a few kilobytes. */
const HEAP_MIB_MAX = 256;

export interface Work {
  readonly seed: number;
  /** Cases of each property, in their order. */
  readonly runs: readonly number[];
  /** Counts cases, for whoever watches. */
  readonly beats: SharedArrayBuffer;
}

export type FromWorker =
  | { readonly kind: 'begun'; readonly name: string }
  | { readonly kind: 'held'; readonly name: string; readonly cases: number }
  | { readonly kind: 'failed'; readonly name: string; readonly text: string };

export interface FuzzOptions {
  /** Over all properties. */
  readonly cases: number;
  readonly seed: number;
  /** Only properties whose name has this in it; '' for all. */
  readonly only: string;
  readonly said?: (line: string) => void;
}

/** Resolves to what failed: one text each, with what repeats it. */
export async function fuzz({ cases, seed, only, said = () => {} }: FuzzOptions): Promise<string[]> {
  const chosen = PROPERTIES.map(({ name, share }) => (name.includes(only) ? share : 0));
  const shares = chosen.reduce((sum, share) => sum + share, 0);
  if (shares === 0) return [`no property has ${JSON.stringify(only)} in its name`];
  const runs = chosen.map((share) => Math.ceil((cases * share) / shares));
  // fast-check's inputs depend on the number of cases as well: the same number for the one property gives the same ones.
  const repeat = (name: string): string => {
    const own = runs[PROPERTIES.findIndex((property) => property.name === name)];
    return `FUZZ_SEED=${seed} FUZZ_CASES=${own} FUZZ_ONLY=${JSON.stringify(name)} npm run fuzz`;
  };
  const failures: string[] = [];
  let current = '';
  const beats = new SharedArrayBuffer(4);
  const workerData: Work = { seed, runs, beats };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
  worker.on('message', (message: FromWorker) => {
    current = message.name;
    if (message.kind === 'held') said(`${message.name}: ${message.cases} cases`);
    if (message.kind === 'failed') failures.push(`${message.name}: ${message.text}\nagain: ${repeat(message.name)}`);
  });
  const counter = new Int32Array(beats);
  let seen = -1;
  const watch = setInterval(() => {
    const now = Atomics.load(counter, 0);
    if (now === seen) {
      failures.push(`${current}: case ${now} does not end\nagain: ${repeat(current)}`);
      void worker.terminate();
    }
    seen = now;
  }, HANG_MS);
  await new Promise<void>((resolve) => {
    // Out of memory is an error of the thread as well.
    worker.once('error', (error) => failures.push(`${current}: ${String(error)}\nagain: ${repeat(current)}`));
    worker.once('exit', () => resolve());
  });
  clearInterval(watch);
  return failures;
}
