// Decides whether the names in a server's endpoints lead, now, to networks that the operators allow.
//
// What this stops: a name that points into a network which is not in the setting endpoint-networks, by mistake, by a DNS
// entry that somebody else controls, or since a while; it is seen at the next reading, within LIMITS.discoveryIntervalMs.
// What it does not stop: Envoy resolves names by itself and more often. A name that answers us with one address and Envoy
// with another (rebinding), or that changes between two readings, is dialled until it is seen. Where that matters, give
// addresses and not names, or keep Envoy's own network from reaching what it must not.
import { lookup as systemLookup } from 'node:dns/promises';
import { addressProblem, type Networks } from '../../core/catalog/networks.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Clock } from './clock.ts';
import { createSlots } from './slots.ts';

/** The addresses of a name. Rejects when it has none, or nobody answers. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** As the system resolves: its hosts file, then DNS. */
const lookupBySystem: Lookup = async (host) => (await systemLookup(host, { all: true })).map(({ address }) => address);

/** `forbidden`: it leads where it must not, and Envoy should not be given it. */
export type NamesProblem = { readonly error: string; readonly forbidden: boolean };

export interface NameCheck {
  /** null: all of them lead where they may. Total. */
  check(hosts: readonly string[]): Promise<NamesProblem | null>;
}

export function createNameCheck(options: {
  readonly networks: Networks;
  readonly clock: Clock;
  readonly lookup?: Lookup;
}): NameCheck {
  const { networks, clock, lookup = lookupBySystem } = options;
  const slots = createSlots(LIMITS.discoveryLookupWidthMax);

  // A lookup cannot be called off, so it keeps its place, and its thread, after nobody waits for it any more.
  const resolve = (host: string): Promise<readonly string[] | null> =>
    new Promise((done) => {
      void slots.run(async () => {
        const cancel = clock.after(LIMITS.discoveryLookupDeadlineMs, () => done(null));
        await lookup(host).then(done, () => done(null));
        cancel();
      });
    });

  return {
    async check(hosts) {
      let missing: NamesProblem | null = null;
      for (const host of hosts) {
        const addresses = await resolve(host);
        if (addresses === null || addresses.length === 0) {
          missing ??= { error: `the name "${host}" cannot be resolved (now)`, forbidden: false };
          continue;
        }
        // One is enough: Envoy may take any of them.
        const problem = addresses.map((ip) => addressProblem(ip, networks)).find((found) => found !== null);
        if (problem !== undefined)
          return { error: `the name "${host}" resolves to a forbidden address: ${problem}`, forbidden: true };
      }
      return missing;
    },
  };
}
