// Decides how a conformance test opens streams, and that all are closed after it.
import { afterEach } from 'vitest';
import { type Variant, Wire, type WireOptions } from './client.ts';
import { startWorld, type Versions, type World } from './world.ts';

export interface Scenario {
  readonly world: World;
  /** One more stream. */
  open(options?: Partial<WireOptions>): Wire;
}

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
    return {
      world,
      open(wire = {}) {
        const opened = new Wire(world, { variant, ...wire });
        closing.push(() => opened.close());
        return opened;
      },
    };
  };
}
