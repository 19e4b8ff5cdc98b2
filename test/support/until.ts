// Decides how a test waits for what it cannot be told of: it asks again, within a deadline, and says what it saw last.

const PAUSE_MS = 20;

/** Resolves to the first value that `accept` takes. @throws Error with the last value. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  accept: (value: T) => boolean,
  deadlineMs = 15_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await ask();
    if (accept(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
