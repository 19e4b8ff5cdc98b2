// Decides whether a session was ended: here just now, or anywhere as the control plane pushed it.
import { LRUCache } from 'lru-cache';
import { LIMITS } from '../core/limits.ts';
import type { Tombstones } from './gateway.ts';

export interface TombstonesOptions {
  readonly pushed: () => { has(tokenId: string): boolean };
  readonly report: (tombstone: { readonly tokenId: string; readonly expiresAtMs: number }) => void;
}

/** An own tombstone bridges the time until it comes back over ADS; so it is enough to remember the latest. */
export function createTombstones({ pushed, report }: TombstonesOptions): Tombstones {
  const own = new LRUCache<string, true>({ max: LIMITS.tokenCacheEntriesMax });
  return {
    has: (tokenId) => own.has(tokenId) || pushed().has(tokenId),
    add(tokenId, expiresAtMs) {
      own.set(tokenId, true);
      report({ tokenId, expiresAtMs });
    },
  };
}
