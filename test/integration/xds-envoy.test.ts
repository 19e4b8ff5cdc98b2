import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkSnapshot } from '../../controlplane/xds/check-snapshot.ts';
import { buildEnvoySnapshot, type EnvoyJson, type EnvoyResources } from '../../controlplane/xds/envoy-snapshot.ts';
import { CDS, EDS, LDS, RDS } from '../../controlplane/xds/resource-types.ts';
import { createXdsServer, type NodeStatus, type XdsServer } from '../../controlplane/xds/server.ts';
import type { Snapshot } from '../../controlplane/xds/snapshot.ts';
import { CLUSTERS, SOCKETS } from '../../core/contract.ts';
import { bootstrap } from '../../envoy/bootstrap.ts';
import { type EnvoyApi, openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from '../support/envoy.ts';
import { callHttp } from '../support/http-call.ts';

const DEADLINE_MS = 20_000;
const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const ALL = [CDS, EDS, LDS, RDS].map(({ typeUrl }) => ({ typeUrl }));

let folder = '';
let api: EnvoyApi;
let server: XdsServer;
let envoy: ChildProcess;
let backend: Server;
let output = '';
/** Called for each line of the server's log. */
const watchers = new Set<(line: string) => void>();
const log = pino({ level: 'info' }, { write: (line) => watchers.forEach((watch) => void watch(line)) });

const inFolder = (name: string): string => join(folder, name);
const pipe = (name: string): EnvoyJson => ({ pipe: { path: inFolder(name) } });

function logged(words: string): Promise<string> {
  return new Promise((resolve) => {
    const watch = (line: string): void => {
      if (!line.includes(words)) return;
      watchers.delete(watch);
      resolve(line);
    };
    watchers.add(watch);
  });
}

async function serve(snapshot: Snapshot): Promise<void> {
  server = createXdsServer({ log, now: Date.now });
  server.setSnapshot('envoy', snapshot);
  await server.listenUnix(inFolder(SOCKETS.ads));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-envoy-'));
  api = openEnvoyApi(envoyForTests(), inFolder('cache'));
  backend = createServer((_request, response) => response.end('from the backend'));
  await new Promise<void>((resolve) => backend.listen(inFolder('backend.sock'), resolve));
  await serve(snapshotOf(FIRST()));
  writeFileSync(inFolder('bootstrap.json'), JSON.stringify(bootstrap({ nodeId: 'envoy-1', runDir: folder })));
  const connected = logged('xDS client connected');
  envoy = spawn(envoyForTests(), ['-c', inFolder('bootstrap.json'), '--concurrency', '1', '--use-dynamic-base-id'], {
    env: {},
  });
  for (const stream of [envoy.stdout, envoy.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-20_000);
    });
  }
  await Promise.race([
    connected,
    new Promise((_, reject) => envoy.once('exit', () => reject(new Error(`Envoy ended:\n${output}`)))),
  ]);
  await settled();
});

afterAll(async () => {
  if (envoy?.exitCode === null) {
    const ended = new Promise((resolve) => envoy.once('exit', resolve));
    envoy.kill('SIGKILL');
    await ended;
  }
  await server?.close();
  await new Promise((resolve) => backend.close(resolve));
  rmSync(folder, { recursive: true });
});

const cluster = (name: string, connectTimeout = '1s'): EnvoyJson => ({
  name,
  type: 'EDS',
  connect_timeout: connectTimeout,
  // Longer than any deadline here: endpoints that are not sent again are a failure, not a pause.
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' } },
});
const endpoints = (name: string): EnvoyJson => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: pipe('backend.sock') } }] }],
});
const listener = (name: string, routes = 'routes'): EnvoyJson => ({
  name,
  address: pipe(`${name}.sock`),
  filter_chains: [
    {
      filters: [
        {
          name: 'hcm',
          typed_config: {
            '@type': HCM,
            stat_prefix: name,
            rds: { route_config_name: routes, config_source: { ads: {}, resource_api_version: 'V3' } },
            http_filters: [{ name: 'router', typed_config: { '@type': ROUTER } }],
          },
        },
      ],
    },
  ],
});
const routesTo = (text: string, to: string): EnvoyJson => ({
  name: 'routes',
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [
        { match: { path: '/direct' }, direct_response: { status: 200, body: { inline_string: text } } },
        { match: { prefix: '/' }, route: { cluster: to } },
      ],
    },
  ],
});

const FIRST = (): EnvoyResources => ({
  [CDS.typeUrl]: { one: cluster('one') },
  [EDS.typeUrl]: { one: endpoints('one') },
  [LDS.typeUrl]: { good: listener('good') },
  [RDS.typeUrl]: { routes: routesTo('first', 'one') },
});

function snapshotOf(resources: EnvoyResources): Snapshot {
  const built = buildEnvoySnapshot(api, resources);
  if ('problems' in built) throw new Error(built.problems.join('; '));
  expect(checkSnapshot(built.snapshot, [CLUSTERS.ads])).toEqual([]);
  return built.snapshot;
}

/** Envoy asks for endpoints and routes only after it was given clusters and listeners. */
async function settled(): Promise<void> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  while (node().types.length < ALL.length) {
    if (deadline.aborted) throw new Error(`Envoy did not ask for all types:\n${output}`);
    await new Promise(setImmediate);
  }
  expect(await server.acked('envoy', ALL, DEADLINE_MS)).toBe('acked');
}

function node(): NodeStatus {
  const [status] = server.nodes();
  if (status === undefined) throw new Error(`no Envoy is connected:\n${output}`);
  return status;
}

async function get(socket: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  const { status, body } = await callHttp({ socketPath: inFolder(socket), path }, DEADLINE_MS);
  return { status, body };
}

test('what is pushed is served', async () => {
  expect(await get('good.sock', '/direct')).toEqual({ status: 200, body: 'first' });
  expect(await get('good.sock', '/any')).toEqual({ status: 200, body: 'from the backend' });
  expect(node()).toMatchObject({ id: 'envoy-1', group: 'envoy', transport: 'unix', variant: 'delta', connected: true });
  expect(
    node().types.map(({ label, sent, acked, nacked }) => [label, sent !== null && sent === acked, nacked]),
  ).toEqual(['CDS', 'EDS', 'LDS', 'RDS', 'RTDS'].map((label) => [label, true, null]));
});

test('a changed cluster does not wait for its endpoints', async () => {
  server.setSnapshot('envoy', snapshotOf({ ...FIRST(), [CDS.typeUrl]: { one: cluster('one', '2s') } }));
  expect(await server.acked('envoy', [{ typeUrl: CDS.typeUrl, name: 'one' }], DEADLINE_MS)).toBe('acked');
  const dump = await get(SOCKETS.envoyAdmin, '/config_dump?resource=dynamic_warming_clusters');
  expect(JSON.parse(dump.body)).toEqual({});
  const active = await get(SOCKETS.envoyAdmin, '/config_dump?resource=dynamic_active_clusters');
  expect(active.body).toContain('"connect_timeout": "2s"');
  expect(await get('good.sock', '/any')).toEqual({ status: 200, body: 'from the backend' });
});

test('a bad listener is refused visibly while the good one serves, and is mended', async () => {
  const bad = { ...listener('bad'), filter_chains: [] };
  const refused = logged('refused LDS');
  server.setSnapshot('envoy', snapshotOf({ ...FIRST(), [LDS.typeUrl]: { good: listener('good'), bad } }));
  expect(await server.acked('envoy', [{ typeUrl: LDS.typeUrl, name: 'bad' }], DEADLINE_MS)).toBe('nacked');
  expect(await server.acked('envoy', [{ typeUrl: LDS.typeUrl, name: 'good' }], DEADLINE_MS)).toBe('acked');
  const lds = node().types.find(({ label }) => label === 'LDS')!;
  expect(lds.nacked).toMatchObject({
    version: lds.sent,
    resources: ['bad'],
    message: expect.stringContaining('bad: '),
  });
  expect(JSON.parse(await refused)).toMatchObject({ node: 'envoy-1', type: 'LDS', resources: ['bad'] });
  expect(await get('good.sock', '/direct')).toEqual({ status: 200, body: 'first' });

  server.setSnapshot(
    'envoy',
    snapshotOf({ ...FIRST(), [LDS.typeUrl]: { good: listener('good'), bad: listener('bad') } }),
  );
  expect(await server.acked('envoy', ALL, DEADLINE_MS)).toBe('acked');
  expect(await get('bad.sock', '/direct')).toEqual({ status: 200, body: 'first' });
});

test('traffic is moved to another cluster and the one before removed without a failed call', async () => {
  server.setSnapshot('envoy', snapshotOf(FIRST()));
  expect(await server.acked('envoy', ALL, DEADLINE_MS)).toBe('acked');
  let running = true;
  const calls = (async (): Promise<ReadonlySet<number>> => {
    const found = new Set<number>();
    while (running) found.add((await get('good.sock', '/any')).status);
    return found;
  })();
  const two: EnvoyResources = {
    [CDS.typeUrl]: { two: cluster('two') },
    [EDS.typeUrl]: { two: endpoints('two') },
    [LDS.typeUrl]: { good: listener('good') },
    [RDS.typeUrl]: { routes: routesTo('second', 'two') },
  };
  // Make before break: the new cluster first, the route when it is there.
  server.setSnapshot(
    'envoy',
    snapshotOf({
      ...two,
      [CDS.typeUrl]: { one: cluster('one'), two: cluster('two') },
      [EDS.typeUrl]: { one: endpoints('one'), two: endpoints('two') },
      [RDS.typeUrl]: { routes: routesTo('first', 'one') },
    }),
  );
  expect(await server.acked('envoy', [{ typeUrl: CDS.typeUrl, name: 'two' }], DEADLINE_MS)).toBe('acked');
  server.setSnapshot('envoy', snapshotOf(two));
  expect(await server.acked('envoy', ALL, DEADLINE_MS)).toBe('acked');
  running = false;
  expect(await calls).toEqual(new Set([200]));
  const { body } = await get(SOCKETS.envoyAdmin, '/clusters');
  expect([/^one::/m.test(body), /^two::/m.test(body)]).toEqual([false, true]);
});

test('without the control plane Envoy serves on; when it is back only what changed is sent', async () => {
  const held = snapshotOf(FIRST());
  server.setSnapshot('envoy', held);
  expect(await server.acked('envoy', ALL, DEADLINE_MS)).toBe('acked');
  const updates = async (): Promise<string> =>
    (
      await get(
        SOCKETS.envoyAdmin,
        '/stats?filter=cds.version|cluster_added|cluster_modified|lds.listener_added|config_reload$',
      )
    ).body;
  const before = await updates();
  await server.close();
  expect(await get('good.sock', '/direct')).toEqual({ status: 200, body: 'first' });
  const connected = logged('xDS client connected');
  await serve(held);
  await connected;
  await settled();
  expect(await updates()).toBe(before);
  server.setSnapshot('envoy', snapshotOf({ ...FIRST(), [RDS.typeUrl]: { routes: routesTo('again', 'one') } }));
  expect(await server.acked('envoy', ALL, DEADLINE_MS)).toBe('acked');
  expect(await get('good.sock', '/direct')).toEqual({ status: 200, body: 'again' });
});
