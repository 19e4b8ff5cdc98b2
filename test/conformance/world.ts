// Decides what the conformance tests talk to: a real xDS server on a socket, with a state that a test sets by versions.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { CDS, ECDS, EDS, LDS, RDS, type ResourceType, RTDS, SDS } from '../../controlplane/xds/resource-types.ts';
import { createXdsServer, type XdsServer } from '../../controlplane/xds/server.ts';
import { type Snapshot, typeSnapshot } from '../../controlplane/xds/snapshot.ts';
import type { TypeStatus } from '../../controlplane/xds/type-state.ts';
import { type EnvoyApi, openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from '../support/envoy.ts';

export const TYPES: Readonly<Record<string, ResourceType>> = { CDS, EDS, LDS, RDS, SDS, ECDS, RTDS };

/** Label → name → version. The version is in the content too, so that what arrives shows it. */
export type Versions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** By which a client sees that nothing else was sent before; asked for by name only. */
export const SENTINELS = Array.from({ length: 32 }, (_, index) => `sentinel-${index}`);

type Make = (name: string, version: string) => JsonObject;
const CONTENT: Readonly<Record<string, Make>> = {
  CDS: (name, version) => ({ name, alt_stat_name: version }),
  EDS: (name, version) => ({ cluster_name: name, named_endpoints: { [version]: {} } }),
  LDS: (name, version) => ({ name, stat_prefix: version }),
  RDS: (name, version) => ({ name, virtual_hosts: [{ name: version, domains: ['*'] }] }),
  SDS: (name, version) => ({ name, generic_secret: { secret: { inline_string: version } } }),
  ECDS: (name, version) => ({
    name,
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
      suppress_envoy_headers: version !== '1',
    },
  }),
  RTDS: (name, version) => ({ name, layer: { version } }),
};

export interface World {
  readonly api: EnvoyApi;
  readonly server: XdsServer;
  readonly socket: string;
  readonly lines: string[];
  /** Where the first of its nodes stands with a type. */
  status(label: string): TypeStatus | undefined;
  set(versions: Versions, options?: { readonly ttlMs?: number }): void;
  close(): Promise<void>;
}

let api: EnvoyApi | undefined;

export async function startWorld(versions?: Versions, options: { readonly ttlMs?: number } = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-cf-'));
  mkdirSync(join(folder, 'cache'));
  api ??= openEnvoyApi(envoyForTests(), join(folder, 'cache'));
  const known = api;
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const server = createXdsServer({ log, now: Date.now });
  const socket = join(folder, 'ads.sock');
  const set: World['set'] = (next, { ttlMs } = {}) => server.setSnapshot('envoy', snapshotOf(known, next, ttlMs));
  if (versions !== undefined) set(versions, options);
  await server.listenUnix(socket);
  return {
    api: known,
    server,
    socket,
    lines,
    status: (label) => server.nodes()[0]?.types.find((type) => type.label === label),
    set,
    async close() {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function snapshotOf(api: EnvoyApi, versions: Versions, ttlMs: number | undefined): Snapshot {
  const sentinels = Object.fromEntries(SENTINELS.map((name) => [name, '1']));
  const all = { ...versions, RTDS: { ...sentinels, ...versions.RTDS } };
  const types = Object.entries(all).map(([label, resources]) => {
    const type = TYPES[label]!;
    const held = Object.entries(resources).map(([name, version]) => {
      const bytes = api.encodeResource(type.typeUrl, CONTENT[label]!(name, version));
      const ttl = ttlMs === undefined || SENTINELS.includes(name) ? {} : { ttlMs };
      return [name, { version, bytes, ...ttl }] as const;
    });
    return [type.typeUrl, typeSnapshot(new Map(held))] as const;
  });
  const endpointsOf = new Map(Object.keys(versions.EDS ?? {}).map((name) => [name, name]));
  return { types: new Map(types), references: [], endpointsOf };
}
