// Decides that no wait of the bench is without an end.
import { setTimeout as pause } from 'node:timers/promises';
import { BOUNDS } from './bounds.ts';

/** `wait`, or an error that says what was waited for. */
export async function within<T>(what: string, deadlineMs: number, wait: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([wait, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until `look` gives null; what it gives else says what is missing. */
export async function until(what: string, deadlineMs: number, look: () => Promise<string | null>): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const missing = await look();
    if (missing === null) return;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${deadlineMs} ms; ${missing}`);
    await pause(BOUNDS.lookPauseMs);
  }
}
