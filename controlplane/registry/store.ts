// Decides that writes come one after another, and that the state in memory is replaced when one is durable.

import { LIMITS } from '../../core/limits.ts';
import { readCounters, writeCounters } from './counters.ts';
import { asRegistryError, RegistryError } from './error.ts';
import { createGathering } from './gathering.ts';
import { loadState, type Source } from './load.ts';
import type { State } from './state.ts';
import type { Database, Writer } from './tables.ts';

export interface Written<Value> {
  readonly value: Value;
  /** The state that was written, one write on; null: nothing was. */
  readonly next: State | null;
}

/** One value for each item, in their order. */
export type Together<Item, Value> = (
  trx: Writer,
  state: State,
  items: readonly Item[],
) => Promise<Written<readonly Value[]>>;

export interface Store {
  current(): State;
  /** In one transaction, begun as a writer. @throws RegistryError; then nothing was written. */
  write<Value>(work: (trx: Writer, state: State) => Promise<Written<Value>>): Promise<Value>;
  /**
   * A write of one item, together with the others that arrive within a moment, or while it waits for its turn: for what
   * comes in thousands. @throws RegistryError; then none of them was written.
   */
  gathering<Item, Value>(work: Together<Item, Value>): (item: Item) => Promise<Value>;
  read<Value>(work: (db: Database) => Promise<Value>): Promise<Value>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface StoreOptions extends Source {
  readonly db: Database;
  readonly state: State;
  readonly close: () => void;
}

export function createStore({ db, close, state: first, ...source }: StoreOptions): Store {
  let state = first;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const guard = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      return await work();
    } catch (error) {
      throw asRegistryError(source.path, error);
    }
  };
  /** The next one begins when this one's state is in its place, which a transaction alone would not wait for. */
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const turn = last.then(() => guard(work));
    last = turn.catch(() => {});
    return turn;
  };
  const write: Store['write'] = async (work) => {
    if (waiting >= LIMITS.registryWritesMax) {
      throw new RegistryError(`${waiting} writes wait for the registry ${source.path}, which is the most`);
    }
    waiting += 1;
    return inTurn(async () => {
      waiting -= 1;
      const [value, after] = await db.transaction().execute(async (trx) => {
        const { writes } = await readCounters(trx);
        // Another process wrote: what is in memory is old.
        const before = writes === state.writes ? state : await loadState(trx, source, state);
        const { value, next } = await work(trx, before);
        if (next !== null) await writeCounters(trx, before, next);
        return [value, next ?? before] as const;
      });
      state = after;
      return value;
    });
  };
  /** Of what is gathered still. */
  const flushes: (() => void)[] = [];
  return {
    current: () => state,
    write,
    gathering<Item, Value>(work: Together<Item, Value>) {
      const gathering = createGathering<Item, Value>((take) => write((trx, before) => work(trx, before, take())));
      flushes.push(gathering.flush);
      return gathering.add;
    },
    read: (work) => guard(() => work(db)),
    close() {
      for (const flush of flushes) flush();
      return inTurn(async () => {
        // Who reads has the one connection until he is done.
        await db.connection().execute(async () => {});
        await db.destroy();
        close();
      });
    },
  };
}
