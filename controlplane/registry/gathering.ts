// Decides that small writes which arrive within a moment of each other, or wait for their turn, become one.
import { LIMITS } from '../../core/limits.ts';

export interface Gathering<Item, Value> {
  /** Resolves when the item is written; rejects when its write failed. */
  add(item: Item): Promise<Value>;
  /** What was gathered comes next in turn. */
  flush(): void;
}

interface Batch<Item, Value> {
  readonly items: Item[];
  readonly written: Promise<readonly Value[]>;
  /** Takes effect once. */
  flush(): void;
}

/**
 * @param write comes to its turn later, and then takes the items, to which no more are added from then on. It gives one
 * value for each of them, in their order.
 */
export function createGathering<Item, Value>(
  write: (take: () => readonly Item[]) => Promise<readonly Value[]>,
): Gathering<Item, Value> {
  let open: Batch<Item, Value> | null = null;
  /** Gathers still: its write waits for more, not for its turn. */
  let waiting: Batch<Item, Value> | null = null;

  const begin = (): Batch<Item, Value> => {
    const written = Promise.withResolvers<readonly Value[]>();
    const items: Item[] = [];
    const batch: Batch<Item, Value> = {
      items,
      written: written.promise,
      flush() {
        if (waiting !== batch) return;
        waiting = null;
        clearTimeout(timer);
        const take = (): readonly Item[] => {
          if (open === batch) open = null;
          return items;
        };
        written.resolve(write(take));
      },
    };
    const timer = setTimeout(batch.flush, LIMITS.registryGatherMs);
    waiting = batch;
    return batch;
  };

  return {
    async add(item) {
      open ??= begin();
      const batch = open;
      const place = batch.items.push(item) - 1;
      if (batch.items.length === LIMITS.registryGatheredMax) {
        open = null;
        batch.flush();
      }
      return (await batch.written)[place]!;
    },
    flush: () => waiting?.flush(),
  };
}
