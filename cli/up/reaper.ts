// Decides what happens to the parts when their supervisor vanishes: a process of its own, it ends them all.
import { createInterface } from 'node:readline';
import { LIMITS } from '../../core/limits.ts';
import { STOP_SIGNALS } from '../../core/runtime/process.ts';
import { endProcesses } from './leftovers.ts';
import { isProcessId, type ProcessId } from './process-id.ts';

/** One line on the reaper's standard input, as JSON. */
export type ReaperOrder = { readonly watch: ProcessId } | { readonly forget: number };

/** Reads orders until the input ends, which an orderly supervisor lets happen when it watches nothing any more. */
export async function reap(input: NodeJS.ReadableStream, nowMs: () => number): Promise<void> {
  const watched = new Map<number, ProcessId>();
  for await (const line of createInterface({ input })) {
    const order = readOrder(line);
    if (order === null) continue;
    if ('watch' in order) watched.set(order.watch.pid, order.watch);
    else watched.delete(order.forget);
  }
  await endProcesses([...watched.values()], LIMITS.stopGraceMs, nowMs);
}

function readOrder(line: string): ReaperOrder | null {
  try {
    const order = JSON.parse(line) as Partial<{ watch: unknown; forget: unknown }>;
    if (isProcessId(order.watch)) return { watch: order.watch };
    if (typeof order.forget === 'number') return { forget: order.forget };
  } catch {
    // Half a line: the supervisor died while it wrote.
  }
  return null;
}

if (import.meta.main) {
  // Only the end of the input may end it: a signal that goes to everybody must not leave the parts behind.
  for (const signal of STOP_SIGNALS) process.on(signal, () => {});
  await reap(process.stdin, Date.now);
}
