// Decides which keys of an issuer are good: those that it lists, and for a while those that it listed.
import type { JsonObject } from '../../core/json.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';

interface HeldKey {
  readonly key: JsonObject;
  /** Since when the issuer does not list it; null: it does. Epoch milliseconds. */
  readonly goneMs: number | null;
}

/** By its canonical JSON: the same `kid` with other members is another key. */
export type KeySet = ReadonlyMap<string, HeldKey>;

export const NO_KEYS: KeySet = new Map();

/**
 * After a reading. A token that was signed just before a rotation is good for as long as the key stays; a key that an
 * issuer withdrew because it was stolen is too, which is why the overlap is bounded and can be 0.
 */
export function rotated(held: KeySet, listed: readonly JsonObject[], nowMs: number, overlapMs: number): KeySet {
  const next = new Map<string, HeldKey>(listed.map((key) => [canonicalJson(key), { key, goneMs: null }]));
  for (const [id, { key, goneMs }] of held) if (!next.has(id)) next.set(id, { key, goneMs: goneMs ?? nowMs });
  return pruned(next, nowMs, overlapMs);
}

/** The very same set when none has to go. */
export function pruned(held: KeySet, nowMs: number, overlapMs: number): KeySet {
  const good = [...held].filter(([, { goneMs }]) => goneMs === null || nowMs < goneMs + overlapMs);
  return good.length === held.size ? held : new Map(good);
}

/** When the next one has to go; Infinity: none. */
export function nextPruneMs(held: KeySet, overlapMs: number): number {
  return Math.min(
    ...[...held.values()].map(({ goneMs }) => (goneMs === null ? Number.POSITIVE_INFINITY : goneMs + overlapMs)),
  );
}

export function keysIn(held: KeySet): readonly JsonObject[] {
  return [...held.values()].map(({ key }) => key);
}
