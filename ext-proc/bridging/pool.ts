// Decides how long the sessions at legacy servers live that the calls of modern clients share: while they are used, and a while longer.
import { LIMITS } from '../../core/limits.ts';

export interface PooledSession {
  /** No two have the same. */
  readonly key: string;
  /** Tells the server. Total. */
  end(): Promise<unknown>;
}

export interface Pool {
  /** One more call uses it; the result says that it does so no more. */
  use(session: PooledSession): () => void;
  /** Ends those that nobody has used for a while. */
  sweep(): void;
  /** Ends all, and waits for it within LIMITS.bridgedEndDeadlineMs. */
  close(): Promise<void>;
  readonly size: number;
}

interface Entry {
  readonly session: PooledSession;
  calls: number;
  idleSinceMs: number;
}

export interface PoolOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly entriesMax?: number;
}

export function createPool({ now, entriesMax = LIMITS.sideTableEntriesMax }: PoolOptions): Pool {
  const entries = new Map<string, Entry>();
  const sweep = (): void => {
    const before = now() - LIMITS.bridgedIdleMs;
    for (const [key, { session, calls, idleSinceMs }] of entries) {
      if (calls > 0 || idleSinceMs > before) continue;
      entries.delete(key);
      void session.end();
    }
  };
  const timer = setInterval(sweep, LIMITS.bridgedSweepMs).unref();
  return {
    use(session) {
      const known = entries.get(session.key);
      // One too many is left to its server, which ends what nobody uses.
      if (known === undefined && entries.size >= entriesMax) return () => {};
      const entry = known ?? { session, calls: 0, idleSinceMs: now() };
      entries.set(session.key, entry);
      entry.calls++;
      let used = true;
      return () => {
        if (!used) return;
        used = false;
        entry.calls--;
        entry.idleSinceMs = now();
      };
    },
    sweep,
    async close() {
      clearInterval(timer);
      const waiting = [...entries.values()];
      entries.clear();
      const end = async (): Promise<void> => {
        for (let entry = waiting.pop(); entry !== undefined; entry = waiting.pop()) await entry.session.end();
      };
      const ended = Promise.all(Array.from({ length: Math.min(waiting.length, LIMITS.fanoutWidthMax) }, end));
      let late: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((resolve) => {
        late = setTimeout(resolve, LIMITS.bridgedEndDeadlineMs);
      });
      await Promise.race([ended, deadline]);
      clearTimeout(late);
    },
    get size() {
      return entries.size;
    },
  };
}
