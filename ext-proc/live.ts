// Decides which streams and composed calls end because their caller does not count any more, when the catalog changes.
import type { Catalog } from '../core/catalog/catalog.ts';
import { standingProblem } from '../core/identity/standing.ts';
import { LIMITS } from '../core/limits.ts';
import type { Caller } from './call.ts';

/** Of a caller, what is asked again. */
export type Watched = Pick<Caller, 'principal' | 'apiKey'> & { readonly surface: Pick<Caller['surface'], 'name'> };

export interface LiveTable {
  /** `end` is called at most once. The result forgets it. */
  watch(caller: Watched, end: () => void): () => void;
  /** The catalog is another: whoever was revoked, or whose issuer or key is gone, is cut off. */
  changed(): void;
  /** Ends nothing: what is under way ends with the process. */
  close(): void;
  readonly size: number;
}

interface Entry {
  /** Not the caller itself: it holds the catalog of the day on which it came. */
  readonly watched: Watched;
  readonly end: () => void;
}

export function createLiveTable(options: {
  readonly now: () => number;
  readonly catalog: () => Catalog | null;
}): LiveTable {
  const { now, catalog } = options;
  const entries = new Set<Entry>();
  let waiting: Entry[] = [];
  let next: NodeJS.Immediate | null = null;

  const counts = ({ surface: { name }, principal, apiKey }: Watched): boolean => {
    const current = catalog();
    const surface = current?.surfaces.get(name);
    // What becomes of the streams of a surface that is gone, they decide themselves: there is nothing for them to tell.
    if (current === null || surface === undefined) return true;
    if (principal.kind === 'anonymous') return surface.auth === 'none';
    return standingProblem(principal, apiKey, surface, current, now()) === null;
  };

  /** Some at a time: calls go on between them. */
  const some = (): void => {
    for (const entry of waiting.splice(0, LIMITS.streamsBatchMax)) {
      if (entries.has(entry) && !counts(entry.watched) && entries.delete(entry)) entry.end();
    }
    next = waiting.length === 0 ? null : setImmediate(some);
  };

  return {
    watch({ principal, apiKey, surface: { name } }, end) {
      const entry: Entry = { watched: { principal, apiKey, surface: { name } }, end };
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    changed() {
      waiting = [...entries];
      next ??= setImmediate(some);
    },
    close() {
      if (next !== null) clearImmediate(next);
      entries.clear();
    },
    get size() {
      return entries.size;
    },
  };
}
