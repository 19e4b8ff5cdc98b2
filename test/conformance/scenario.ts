// Decides how a conformance test opens streams, and that all are closed after it.
import { afterEach } from 'vitest';
import { type Variant, Wire, type WireOptions } from './client.ts';
import { startWorld, type Versions, type World } from './world.ts';

export interface Scenario {
  readonly world: World;
  /** One more stream. */
  open(options?: Partial<WireOptions>): Wire;
  /** One more stream, which asked for these one after the other, and accepted what it was given of each. */
  holding(...asked: readonly Asked[]): Promise<Wire>;
}

type Asked = readonly [label: string, names?: readonly string[]];

const closing: (() => unknown)[] = [];

/** For one test file. `start` gives a server with that state; without one the server has no snapshot yet. */
export function scenarios(
  variant: Variant,
): (versions?: Versions, options?: { readonly ttlMs?: number }) => Promise<Scenario> {
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  return async (versions, options = {}) => {
    const world = await startWorld(versions, options);
    closing.push(() => world.close());
    const open: Scenario['open'] = (wire = {}) => {
      const opened = new Wire(world, { variant, ...wire });
      closing.push(() => opened.close());
      return opened;
    };
    return {
      world,
      open,
      async holding(...asked) {
        const wire = open();
        for (const [label, names] of asked) {
          wire.ask(label, names);
          await wire.take();
        }
        return wire;
      },
    };
  };
}
