// Decides which log level a legacy session has for the servers of the modern era, which are told it with each request.
import { LRUCache } from 'lru-cache';
import { LIMITS } from '../../core/limits.ts';

export interface Levels {
  /** Null: the session did not say, or it was forgotten: then nothing is logged, and it can say it again. */
  get(tokenId: string): string | null;
  set(tokenId: string, level: string): void;
}

/** The token says nothing of it, so it is kept here as long as there is room, and by this process only. */
export function createLevels(entriesMax: number = LIMITS.sessionLevelsMax): Levels {
  const levels = new LRUCache<string, string>({ max: entriesMax });
  return {
    get: (tokenId) => levels.get(tokenId) ?? null,
    set: (tokenId, level) => void levels.set(tokenId, level),
  };
}
