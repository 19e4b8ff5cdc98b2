// Decides which backend session stands in for one that a token does not carry, or that died since the token was sealed.
import { LRUCache } from 'lru-cache';
import { ChanceryError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

export interface SideEntry {
  /** As `initialize` returned it; '' when the backend gave none. */
  readonly sessionId: string;
  /** Epoch milliseconds. */
  readonly openedAtMs: number;
}

export interface SideTable {
  /** `backend`: the cluster of a server version. A session of one version is none of another's. */
  get(tokenId: string, backend: string): SideEntry | undefined;
  /**
   * The entry, or what `fn` (an `initialize` at the backend, which has a deadline of its own) resolves to. Callers that
   * come meanwhile get the same promise, so a backend is initialised once. A rejection goes to all of them and is not
   * kept. `deadSessionId`: an entry with this id is replaced; one that somebody replaced before is taken.
   */
  open(tokenId: string, backend: string, fn: () => Promise<string>, deadSessionId?: string): Promise<SideEntry>;
  drop(tokenId: string, backend: string): void;
  readonly size: number;
}

export interface SideTableOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly entriesMax?: number;
}

/** Bounded, least recently used out first: a lost entry costs one `initialize`. */
export function createSideTable({ now, entriesMax = LIMITS.sideTableEntriesMax }: SideTableOptions): SideTable {
  const entries = new LRUCache<string, SideEntry>({ max: entriesMax });
  const underway = new Map<string, Promise<SideEntry>>();
  // A token id is base64url and a cluster's name has no space: two pairs never share a key.
  const keyOf = (tokenId: string, backend: string): string => `${tokenId} ${backend}`;

  const start = (key: string, fn: () => Promise<string>): Promise<SideEntry> => {
    const opening = Promise.resolve()
      .then(fn)
      .then((sessionId) => {
        const entry = { sessionId, openedAtMs: now() };
        entries.set(key, entry);
        return entry;
      })
      .finally(() => underway.delete(key));
    underway.set(key, opening);
    return opening;
  };

  return {
    get: (tokenId, backend) => entries.get(keyOf(tokenId, backend)),
    async open(tokenId, backend, fn, deadSessionId) {
      const key = keyOf(tokenId, backend);
      const entry = entries.get(key);
      if (entry !== undefined && entry.sessionId !== deadSessionId) return entry;
      const joined = underway.get(key);
      if (joined !== undefined) return joined;
      if (underway.size >= entriesMax) {
        throw new ChanceryError('backend_unavailable', { reason: `${entriesMax} backend sessions are being opened` });
      }
      return start(key, fn);
    },
    drop: (tokenId, backend) => {
      entries.delete(keyOf(tokenId, backend));
    },
    get size() {
      return entries.size;
    },
  };
}
