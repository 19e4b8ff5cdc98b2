// Decides to which resources the legacy sessions of this process are subscribed, as far as it remembers.
import { LRUCache } from 'lru-cache';
import { LIMITS } from '../../core/limits.ts';

export interface Subscriptions {
  /** `backend`: the cluster of a server version. False: there is no room for one more. */
  add(tokenId: string, backend: string, uri: string): boolean;
  remove(tokenId: string, backend: string, uri: string): void;
  of(tokenId: string, backend: string): readonly string[];
  /** Called after each change; the result ends that. */
  watch(tokenId: string, backend: string, changed: () => void): () => void;
}

/** A session's subscriptions are nowhere else: the token cannot change. The session that was heard of least gives way. */
export function createSubscriptions(
  entriesMax: number = LIMITS.sessionLevelsMax,
  urisMax: number = LIMITS.listenUrisMax,
): Subscriptions {
  const entries = new LRUCache<string, ReadonlySet<string>>({ max: entriesMax });
  const watchers = new Map<string, Set<() => void>>();
  // A token id is base64url and a cluster's name has no space: two pairs never share a key.
  const keyOf = (tokenId: string, backend: string): string => `${tokenId} ${backend}`;
  const put = (key: string, uris: ReadonlySet<string>): void => {
    if (uris.size === 0) entries.delete(key);
    else entries.set(key, uris);
    for (const changed of watchers.get(key) ?? []) changed();
  };
  return {
    add(tokenId, backend, uri) {
      const key = keyOf(tokenId, backend);
      const uris = entries.get(key) ?? new Set();
      if (uris.has(uri)) return true;
      if (uris.size >= urisMax) return false;
      put(key, new Set([...uris, uri]));
      return true;
    },
    remove(tokenId, backend, uri) {
      const key = keyOf(tokenId, backend);
      const uris = entries.get(key);
      if (uris?.has(uri) === true) put(key, new Set([...uris].filter((each) => each !== uri)));
    },
    of: (tokenId, backend) => [...(entries.get(keyOf(tokenId, backend)) ?? [])],
    watch(tokenId, backend, changed) {
      const key = keyOf(tokenId, backend);
      const watching = watchers.get(key) ?? new Set();
      watchers.set(key, watching.add(changed));
      return () => {
        watching.delete(changed);
        if (watching.size === 0 && watchers.get(key) === watching) watchers.delete(key);
      };
    },
  };
}
