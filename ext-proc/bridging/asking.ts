// Decides which questions of modern servers wait for their answers of legacy clients, how many and how long.
import { LIMITS } from '../../core/limits.ts';

export interface AskedCall {
  /** The session that is asked: the id of its token. */
  readonly tokenId: string;
  /** Raw JSON text of the client's own id of the call. */
  readonly idText: string;
  /** `text`: the client's response to the question `key`. */
  answered(key: string, text: string): void;
  expire(): void;
  /** The client does not want the answer any more. */
  cancel(): void;
}

export interface Asking {
  /** False: there is no room. */
  add(id: string, call: AskedCall): boolean;
  /** From now on it has as long as a call that was just added. */
  renew(id: string): void;
  remove(id: string): void;
  /** Null: nobody of this session waits under that id. */
  find(id: string, tokenId: string): AskedCall | null;
  /** The call of this session that the client named so. */
  called(tokenId: string, idText: string): AskedCall | null;
  sweep(): void;
  close(): void;
  readonly size: number;
}

export interface AskingOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly callsMax?: number;
  readonly callsPerSessionMax?: number;
}

const SWEEP_MS = 1_000;

export function createAsking(options: AskingOptions): Asking {
  const { now } = options;
  const callsMax = options.callsMax ?? LIMITS.askedCallsMax;
  const callsPerSessionMax = options.callsPerSessionMax ?? LIMITS.askedCallsPerSessionMax;
  const entries = new Map<string, { readonly call: AskedCall; readonly expiresAtMs: number }>();
  const sessions = new Map<string, Set<string>>();
  const remove = (id: string): AskedCall | null => {
    const entry = entries.get(id);
    if (entry === undefined) return null;
    entries.delete(id);
    const ids = sessions.get(entry.call.tokenId);
    ids?.delete(id);
    if (ids?.size === 0) sessions.delete(entry.call.tokenId);
    return entry.call;
  };
  const sweep = (): void => {
    for (const [id, { expiresAtMs }] of entries) {
      if (expiresAtMs > now()) return;
      remove(id)?.expire();
    }
  };
  const timer = setInterval(sweep, SWEEP_MS).unref();
  const put = (id: string, call: AskedCall): void => {
    entries.set(id, { call, expiresAtMs: now() + LIMITS.askedCallMs });
  };
  return {
    add(id, call) {
      const ids = sessions.get(call.tokenId) ?? new Set();
      if (entries.size >= callsMax || ids.size >= callsPerSessionMax) return false;
      put(id, call);
      sessions.set(call.tokenId, ids.add(id));
      return true;
    },
    renew(id) {
      const entry = entries.get(id);
      if (entry === undefined) return;
      // Behind the others: the sweep goes by their order.
      entries.delete(id);
      put(id, entry.call);
    },
    remove: (id) => void remove(id),
    find(id, tokenId) {
      const call = entries.get(id)?.call;
      return call?.tokenId === tokenId ? call : null;
    },
    called(tokenId, idText) {
      for (const id of sessions.get(tokenId) ?? []) {
        const call = entries.get(id)?.call;
        if (call?.idText === idText) return call;
      }
      return null;
    },
    sweep,
    close() {
      clearInterval(timer);
      for (const id of [...entries.keys()]) remove(id)?.expire();
    },
    get size() {
      return entries.size;
    },
  };
}
