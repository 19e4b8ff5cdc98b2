// Decides what is counted here at once, what of it is still to be told, and whether there is room for more.
import { LRUCache } from 'lru-cache';
import { LIMITS } from '../limits.ts';
import type { Take, Taken } from '../policy/ledger.ts';
import { countKey, firstPartAt, overMs, partAt } from './windows.ts';
import type { CountMessage } from './wire.ts';

/** Part of the window → amount. */
type Parts = Map<number, number>;

interface Counter {
  readonly windowMs: number;
  /** Over all services, as the control plane last said. */
  shared: Parts;
  /** Told and not answered: the sum over all services may have it already, and then it counts twice for a moment. */
  told: Parts;
  /** Not told yet. */
  fresh: Parts;
}

export interface Counts {
  take(takes: readonly Take[], nowMs: number): Taken;
  add(takes: readonly Omit<Take, 'limit'>[], nowMs: number): void;
  /** What is to be told now; from then on it is under way. Empty: nothing. */
  tell(): readonly CountMessage[];
  /** What was under way is stored. */
  stored(): void;
  /** `whole`: nothing else is known to the control plane. */
  shared(counts: readonly CountMessage[], whole: boolean): void;
  /** No room for keys that nobody has counted yet. */
  full: boolean;
  readonly waiting: boolean;
  /** Forgets what does not count any more. */
  sweep(nowMs: number): void;
}

export function createCounts(countersMax: number = LIMITS.ledgerCountsMax): Counts {
  const counters = new Map<string, Counter>();
  const fresh = new Set<string>();
  const told = new Set<string>();
  const keys = new LRUCache<string, string>({ max: LIMITS.ledgerKeysCachedMax });
  let full = false;

  const idOf = (key: string, windowMs: number): string => {
    const text = `${windowMs} ${key}`;
    let id = keys.get(text);
    if (id === undefined) {
      id = countKey(key, windowMs);
      keys.set(text, id);
    }
    return id;
  };
  const counterOf = (id: string, windowMs: number): Counter => {
    let counter = counters.get(id);
    if (counter === undefined) {
      counter = { windowMs, shared: new Map(), told: new Map(), fresh: new Map() };
      counters.set(id, counter);
    }
    return counter;
  };
  const count = (id: string, windowMs: number, amount: number, nowMs: number): void => {
    if (amount <= 0) return;
    const counter = counterOf(id, windowMs);
    plus(counter.fresh, partAt(nowMs, windowMs), amount);
    fresh.add(id);
  };

  return {
    take(takes, nowMs) {
      const wanted = new Map<string, number>();
      const found = takes.map((take) => ({ ...take, id: idOf(take.key, take.windowMs) }));
      for (const { id, key, amount, limit, windowMs } of found) {
        const counter = counters.get(id);
        // Nobody else would hear of it: many services would have the limit each.
        if (counter === undefined && (full || counters.size >= countersMax))
          return { ok: false, key, retryAfterMs: LIMITS.ledgerSweepMs };
        const before = wanted.get(id) ?? 0;
        const used = (counter === undefined ? 0 : usedIn(counter, nowMs)) + before;
        // Of nothing it is asked whether there is room at all.
        if (used + Math.max(1, amount) > limit)
          return {
            ok: false,
            key,
            retryAfterMs: pauseMs(counter, limit - before - Math.max(1, amount), windowMs, nowMs),
          };
        wanted.set(id, before + amount);
      }
      for (const { id, amount, windowMs } of found) count(id, windowMs, amount, nowMs);
      return { ok: true };
    },
    add(takes, nowMs) {
      for (const { key, amount, windowMs } of takes) count(idOf(key, windowMs), windowMs, amount, nowMs);
    },
    tell() {
      const messages: CountMessage[] = [];
      for (const id of fresh) {
        const counter = counters.get(id);
        if (counter !== undefined) {
          if (messages.length + counter.fresh.size > LIMITS.ledgerItemsPerMessageMax) break;
          for (const [part, amount] of counter.fresh)
            messages.push({ key: id, windowMs: counter.windowMs, part, amount });
          counter.told = counter.fresh;
          counter.fresh = new Map();
          told.add(id);
        }
        fresh.delete(id);
      }
      return messages;
    },
    stored() {
      for (const id of told) {
        const counter = counters.get(id);
        if (counter !== undefined) counter.told = new Map();
      }
      told.clear();
    },
    shared(messages, whole) {
      if (whole) for (const counter of counters.values()) counter.shared = new Map();
      for (const { key, windowMs, part, amount } of messages) counterOf(key, windowMs).shared.set(part, amount);
    },
    get full() {
      return full;
    },
    set full(now) {
      full = now;
    },
    get waiting() {
      return fresh.size > 0;
    },
    sweep(nowMs) {
      for (const [id, { windowMs, shared, told: under, fresh: unsaid }] of counters) {
        const first = firstPartAt(nowMs, windowMs);
        let left = 0;
        for (const parts of [shared, under, unsaid]) {
          for (const part of parts.keys()) if (part < first) parts.delete(part);
          left += parts.size;
        }
        if (left > 0) continue;
        counters.delete(id);
        fresh.delete(id);
        told.delete(id);
      }
    },
  };
}

function plus(parts: Parts, part: number, amount: number): void {
  parts.set(part, (parts.get(part) ?? 0) + amount);
}

function usedIn({ windowMs, ...counter }: Counter, nowMs: number): number {
  const first = firstPartAt(nowMs, windowMs);
  let used = 0;
  for (const parts of [counter.shared, counter.told, counter.fresh])
    for (const [part, amount] of parts) if (part >= first) used += amount;
  return used;
}

/** Until what is used is no more than `room`; what never fits is told to wait for the whole window. */
function pauseMs(counter: Counter | undefined, room: number, windowMs: number, nowMs: number): number {
  if (counter === undefined || room < 0) return windowMs;
  const all: Parts = new Map();
  for (const parts of [counter.shared, counter.told, counter.fresh])
    for (const [part, amount] of parts) plus(all, part, amount);
  let used = usedIn(counter, nowMs);
  const first = firstPartAt(nowMs, windowMs);
  for (const part of [...all.keys()].filter((one) => one >= first).sort((a, b) => a - b)) {
    used -= all.get(part) ?? 0;
    if (used <= room) return Math.max(1, overMs(part, windowMs) - nowMs);
  }
  return windowMs;
}
