// Decides in which part of a sliding window something is counted, and for how long that part counts.
import { createHash } from 'node:crypto';
import { LIMITS } from '../limits.ts';

/**
 * A window has so many parts, and one more counts: with it no window of that length, wherever it begins, has more than the
 * limit; room comes back at most one part late.
 */
export const PARTS = LIMITS.ledgerPartsOfWindowMax;

export function partMs(windowMs: number): number {
  return Math.max(1, Math.ceil(windowMs / PARTS));
}

/** Counted from the epoch. */
export function partAt(nowMs: number, windowMs: number): number {
  return Math.floor(nowMs / partMs(windowMs));
}

/** The first part that still counts. */
export function firstPartAt(nowMs: number, windowMs: number): number {
  return partAt(nowMs, windowMs) - PARTS;
}

/** When a part does not count any more. Epoch milliseconds. */
export function overMs(part: number, windowMs: number): number {
  return (part + PARTS + 1) * partMs(windowMs);
}

/** What the database and the wire know of a key: 128 bits, base64url. One key in windows of two lengths is two. */
export function countKey(key: string, windowMs: number): string {
  return digest(`${windowMs} ${key}`);
}

/** The same of whom labels are left with. */
export function holderKey(holder: string): string {
  return digest(holder);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
