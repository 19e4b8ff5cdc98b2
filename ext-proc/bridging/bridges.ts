// Decides what bridged calls keep in this process: those that wait, and its name.
import { type Asking, createAsking } from './asking.ts';
import { createLevels, type Levels } from './levels.ts';
import { createParking, type Parking } from './parking.ts';
import { createPool, type Pool } from './pool.ts';
import { createSubscriptions, type Subscriptions } from './subscriptions.ts';

export interface Bridges {
  /** Random for each process: a state that another one gave is known as such. */
  readonly instance: string;
  readonly parking: Parking;
  readonly asking: Asking;
  readonly levels: Levels;
  readonly subscriptions: Subscriptions;
  readonly pool: Pool;
  /** Names a call: a number that no other call of this process has. */
  nextId(): number;
  /** Resolves when the servers were told, or took too long. */
  close(): Promise<void>;
}

export interface BridgesOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
}

const INSTANCE_BYTES = 12;

export function createBridges({ now, randomBytes }: BridgesOptions): Bridges {
  const parking = createParking({ now });
  const asking = createAsking({ now });
  const pool = createPool({ now });
  let ids = 0;
  return {
    instance: randomBytes(INSTANCE_BYTES).toString('base64url'),
    parking,
    asking,
    levels: createLevels(),
    subscriptions: createSubscriptions(),
    pool,
    nextId() {
      ids++;
      return ids;
    },
    close() {
      parking.close();
      asking.close();
      return pool.close();
    },
  };
}
