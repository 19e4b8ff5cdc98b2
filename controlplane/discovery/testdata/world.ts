// Decides what surrounds discovery in its tests: scripted servers and streams, a held clock, a registry in memory.
import { type Logger, pino } from 'pino';
import type { Discovered } from '../../../core/catalog/catalog.ts';
import { parseNetworks } from '../../../core/catalog/networks.ts';
import type { DiscoveryOutcome, SavedDiscovery } from '../../registry/discoveries.ts';
import type { RegistrySnapshot } from '../../registry/types.ts';
import { createDiscovery, type Discovery } from '../discovery.ts';
import type { Lookup } from '../names.ts';
import type { DiscoveryTarget } from '../targets.ts';
import { HeldClock } from './held-clock.ts';
import { type Script, type ScriptedServer, scriptedServer } from './scripted-server.ts';
import { type ScriptedStream, type ScriptedStreams, scriptedStreams } from './scripted-streams.ts';

export const target = (server: string, rest: Partial<DiscoveryTarget> = {}): DiscoveryTarget => ({
  server,
  version: '1',
  cluster: `mcp.${server}.1`,
  path: '/mcp',
  documentHash: 'h',
  ...rest,
});

export interface Saved {
  readonly server: string;
  readonly outcome: DiscoveryOutcome;
}

export interface World {
  readonly discovery: Discovery;
  readonly clock: HeldClock;
  readonly egress: ScriptedServer;
  readonly streams: ScriptedStreams;
  readonly changes: number[];
  /** What `blocked()` was at each call of `onBlocked`. */
  readonly blocks: string[][];
  /** Resolves with what is saved next. */
  saved(): Promise<Saved>;
}

/** What an earlier process found out of each scripted server, so that asking again finds nothing new. */
export const KNOWN: Discovered = {
  hash: '',
  protocolVersion: '2025-11-25',
  protocolVersions: ['2025-11-25'],
  refusesDisagreement: false,
  serverInfo: { name: 'scripted', version: '1' },
  capabilities: {},
  tools: { bare: [], full: [] },
  prompts: { bare: [], full: [] },
  resources: { bare: [], full: [] },
  resourceTemplates: { bare: [], full: [] },
};

const open: Discovery[] = [];
/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const discovery of open.splice(0)) await discovery.close();
}

export function setup(
  script: Script,
  options: {
    readonly save?: (outcome: DiscoveryOutcome) => SavedDiscovery;
    readonly log?: Logger;
    /** null: nothing was read before. */
    readonly known?: Discovered | null;
    readonly onOpen?: (stream: ScriptedStream) => void;
    readonly lookup?: Lookup;
    readonly random?: () => number;
    /** Server → the secret that it is sent. */
    readonly secrets?: Readonly<Record<string, string>>;
  } = {},
): World {
  const clock = new HeldClock();
  const egress = scriptedServer(script);
  const streams = scriptedStreams(options.onOpen);
  const changes: number[] = [];
  const blocks: string[][] = [];
  const done: Saved[] = [];
  const waiting: ((entry: Saved) => void)[] = [];
  const { known = KNOWN } = options;
  const stored = new Map<string, Discovered>();
  const networks = parseNetworks(['public', 'loopback']);
  if ('problem' in networks) throw new Error(networks.problem);
  const discovery = createDiscovery({
    egress,
    streams,
    networks,
    clock,
    random: options.random ?? (() => 1),
    log: options.log ?? pino({ level: 'silent' }),
    onChange: (revision) => changes.push(revision),
    onBlocked: () => blocks.push([...discovery.blocked()]),
    lookup: options.lookup ?? (async () => ['93.184.216.34']),
    registry: {
      snapshot: () =>
        ({
          discoveries: { get: (key: string) => ({ discovered: stored.get(key) ?? known }) },
          find: (_: string, name: string) => ({
            document: { kind: 'Server', name, versions: [{ version: '1', auth: { type: 'bearer', secret: name } }] },
          }),
          secrets: {
            get: (name: string) => {
              const value = options.secrets?.[name];
              return value === undefined ? undefined : { type: 'opaque', value };
            },
          },
        }) as unknown as RegistrySnapshot,
      async saveDiscovery(server, version, outcome) {
        const entry = { server, outcome };
        // After the caller has planned what comes next.
        setImmediate(() => {
          const waiter = waiting.shift();
          if (waiter === undefined) done.push(entry);
          else waiter(entry);
        });
        if (options.save !== undefined) return options.save(outcome);
        const key = `${server} ${version}`;
        const changed = outcome.ok && outcome.discovered.hash !== stored.get(key)?.hash;
        if (outcome.ok) stored.set(key, outcome.discovered);
        return { changed, revision: 7 };
      },
    },
  });
  open.push(discovery);
  return {
    discovery,
    clock,
    egress,
    streams,
    changes,
    blocks,
    saved: () => {
      const entry = done.shift();
      return entry === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(entry);
    },
  };
}
