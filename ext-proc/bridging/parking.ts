// Decides which calls may wait for their clients, how many, how long and how large, and who finds one again.
import { LIMITS } from '../../core/limits.ts';

export interface ParkedCall {
  /** The principal, as a text that no two share. */
  readonly owner: string;
  /** It waited too long, or the process ends. */
  expire(): void;
}

export interface Parking {
  /** False: there is no room. The time begins anew. */
  park(id: string, call: ParkedCall, chars: number): boolean;
  /** What it holds has grown; false: that is too much, and it is not parked any more. */
  grow(id: string, chars: number): boolean;
  /** It is not parked any more; null: this owner has none of that id, and nobody learns whether another has. */
  take(id: string, owner: string): ParkedCall | null;
  /** Ends those whose time is over. */
  sweep(): void;
  close(): void;
  readonly size: number;
  readonly chars: number;
}

export interface ParkingOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly callsMax?: number;
  readonly callsPerOwnerMax?: number;
  readonly charsMax?: number;
}

interface Entry {
  readonly call: ParkedCall;
  readonly expiresAtMs: number;
  chars: number;
}

const SWEEP_MS = 1_000;

export function createParking(options: ParkingOptions): Parking {
  const { now } = options;
  const callsMax = options.callsMax ?? LIMITS.parkedCallsMax;
  const callsPerOwnerMax = options.callsPerOwnerMax ?? LIMITS.parkedCallsPerPrincipalMax;
  const charsMax = options.charsMax ?? LIMITS.parkedCharsMax;
  const entries = new Map<string, Entry>();
  const owners = new Map<string, number>();
  let chars = 0;
  const drop = (id: string): Entry | null => {
    const entry = entries.get(id);
    if (entry === undefined) return null;
    entries.delete(id);
    chars -= entry.chars;
    const left = (owners.get(entry.call.owner) ?? 1) - 1;
    if (left === 0) owners.delete(entry.call.owner);
    else owners.set(entry.call.owner, left);
    return entry;
  };
  const sweep = (): void => {
    // All have the same time to wait, so the first that has not waited long enough is followed by none that has.
    for (const [id, { expiresAtMs }] of entries) {
      if (expiresAtMs > now()) return;
      drop(id)?.call.expire();
    }
  };
  const timer = setInterval(sweep, SWEEP_MS).unref();
  return {
    park(id, call, held) {
      drop(id);
      const count = owners.get(call.owner) ?? 0;
      if (entries.size >= callsMax || count >= callsPerOwnerMax || chars + held > charsMax) return false;
      entries.set(id, { call, expiresAtMs: now() + LIMITS.parkedCallMs, chars: held });
      owners.set(call.owner, count + 1);
      chars += held;
      return true;
    },
    grow(id, held) {
      const entry = entries.get(id);
      if (entry === undefined) return true;
      if (chars - entry.chars + held <= charsMax) {
        chars += held - entry.chars;
        entry.chars = held;
        return true;
      }
      drop(id);
      return false;
    },
    take(id, owner) {
      const entry = entries.get(id);
      if (entry === undefined || entry.call.owner !== owner || entry.expiresAtMs <= now()) return null;
      return drop(id)?.call ?? null;
    },
    sweep,
    close() {
      clearInterval(timer);
      for (const id of [...entries.keys()]) drop(id)?.call.expire();
    },
    get size() {
      return entries.size;
    },
    get chars() {
      return chars;
    },
  };
}
