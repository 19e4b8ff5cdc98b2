// Decides how a test gets a real Envoy that is given what the control plane publishes of a state of the registry.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { buildPublication, type PublicationContext } from '../../controlplane/publication.ts';
import { createPublisher, type Publisher } from '../../controlplane/publish.ts';
import type { RegistrySnapshot } from '../../controlplane/registry/types.ts';
import { createXdsServer, type NodeStatus } from '../../controlplane/xds/server.ts';
import type { Place } from '../../controlplane/xds/translate/types.ts';
import { HEADERS, NODE_GROUPS, SOCKETS } from '../../core/contract.ts';
import { bootstrap } from '../../envoy/bootstrap.ts';
import { openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from './envoy.ts';
import { type Answer, callHttp } from './http-call.ts';
import { placeIn } from './place.ts';
import { registrySnapshot } from './registry-snapshot.ts';
import { until } from './until.ts';

const DEADLINE_MS = 20_000;
const ALL_TYPES = ['CDS', 'LDS', 'RDS', 'ECDS', 'RTDS'];

export interface PublishedEnvoy {
  readonly publisher: Publisher;
  readonly runDir: string;
  /** Lines of the control plane's log. */
  readonly lines: readonly string[];
  /** Publishes these documents instead of the ones before. */
  publish(documents: readonly unknown[], over?: Partial<Place>): Promise<void>;
  snapshot(documents: readonly unknown[]): RegistrySnapshot;
  /** As our own processes call a backend. */
  egress(cluster: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  ingress(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  admin(path: string): Promise<string>;
  node(): NodeStatus;
  /** Everything that Envoy wrote. */
  output(): string;
  close(): Promise<void>;
}

export async function startPublishedEnvoy(
  documents: readonly unknown[] = [],
  nodeId = 'envoy-1',
): Promise<PublishedEnvoy> {
  const runDir = mkdtempSync(join(tmpdir(), 'chy-pub-'));
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) });
  const place = await placeIn(runDir, { caFile: '/dev/null' });
  const contextOf = (over: Partial<Place>): PublicationContext => ({
    place: { ...place, ...over },
    settings: place,
    keys: { issuer: { name: 'local', issuer: place.publicUrl, algorithms: [], jwks: { keys: [] } }, sessionKeys: [] },
  });
  const xds = createXdsServer({ log, now: Date.now });
  let context = contextOf({});
  let revision = 0;
  const next = (some: readonly unknown[], before?: RegistrySnapshot): RegistrySnapshot =>
    registrySnapshot({ documents: some, revision: ++revision }, before);
  let current = next(documents);
  const publisher = createPublisher({
    xds,
    api: openEnvoyApi(envoyForTests(), runDir),
    log,
    snapshot: () => current,
    build: (snapshot, previous) => buildPublication(snapshot, context, previous),
    onServed: () => {},
  });
  await publisher.now();
  await xds.listenUnix(join(runDir, SOCKETS.ads));
  writeFileSync(join(runDir, 'envoy.json'), JSON.stringify(bootstrap({ nodeId, runDir })));
  const envoy: ChildProcess = spawn(
    envoyForTests(),
    ['-c', join(runDir, 'envoy.json'), '--concurrency', '1', '--use-dynamic-base-id', '-l', 'info'],
    { env: {} },
  );
  let output = '';
  for (const stream of [envoy.stdout, envoy.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-200_000);
    });
  }
  const node = (): NodeStatus =>
    xds.nodes().find(({ client, connected }) => client === NODE_GROUPS.envoy && connected)!;
  const admin = async (path: string): Promise<string> =>
    (await callHttp({ socketPath: join(runDir, SOCKETS.envoyAdmin), path }, DEADLINE_MS)).body;
  await until(
    'Envoy listens',
    () => {
      if (envoy.exitCode !== null) throw new Error(`Envoy ended:\n${output}`);
      const types = node()?.types ?? [];
      return ALL_TYPES.every((label) => types.some((type) => type.label === label && type.acked !== null));
    },
    (ready) => ready,
    DEADLINE_MS,
  );
  return {
    publisher,
    runDir,
    lines,
    async publish(some, over) {
      if (over !== undefined) context = contextOf(over);
      current = next(some, current);
      await publisher.now();
    },
    snapshot: (some) => next(some, current),
    egress: (cluster, headers = {}) =>
      callHttp(
        {
          socketPath: join(runDir, SOCKETS.egress),
          path: '/mcp',
          method: 'POST',
          headers: { [HEADERS.cluster]: cluster, ...headers },
        },
        DEADLINE_MS,
      ),
    ingress: (path, headers = {}) => callHttp({ host: '127.0.0.1', port: place.port, path, headers }, DEADLINE_MS),
    admin,
    node,
    output: () => output,
    async close() {
      if (envoy.exitCode === null) {
        const ended = new Promise((resolve) => envoy.once('exit', resolve));
        envoy.kill('SIGKILL');
        await ended;
      }
      await publisher.close();
      await xds.close();
      rmSync(runDir, { recursive: true, force: true });
    },
  };
}
