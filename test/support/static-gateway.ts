// Decides how a test gets the gateway's data path alone: a real Envoy with a static configuration, ext-proc in the test's own process.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCatalog } from '../../controlplane/catalog/build.ts';
import { translate } from '../../controlplane/xds/translate/translate.ts';
import type { Catalog, Discovered } from '../../core/catalog/catalog.ts';
import { NODE_GROUPS, SOCKETS } from '../../core/contract.ts';
import type { GrpcServer } from '../../core/grpc/server.ts';
import { createEgressClient } from '../../core/mcp/egress.ts';
import { createService } from '../../ext-proc/service.ts';
import { envoyForTests } from './envoy.ts';
import { ALLOW_ALL, type World, worldOf } from './ext-proc-world.ts';
import { placeIn } from './place.ts';
import { registrySnapshot } from './registry-snapshot.ts';
import { staticBootstrap } from './static-bootstrap.ts';
import { until } from './until.ts';

export interface StaticGateway {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly world: World;
  /** Ends ext-proc, as a crash would. */
  stopService(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param documents as for `chancery apply`, without policies: everything is allowed but `memory/delete_*`.
 * @param discovered by `<server> <version>`, what discovery would have read.
 */
export async function startStaticGateway(
  documents: readonly unknown[],
  discovered: Readonly<Record<string, Discovered>>,
): Promise<StaticGateway> {
  const runDir = mkdtempSync(join(tmpdir(), 'chy-static-'));
  const place = await placeIn(runDir);
  const snapshot = registrySnapshot({ documents, discovered });
  const built = buildCatalog(snapshot, { settings: place, issuers: [], sessionKeys: [] });
  const catalog: Catalog = { ...built.catalog, policies: new Map([[ALLOW_ALL.name, ALLOW_ALL]]) };
  const egress = createEgressClient(join(runDir, SOCKETS.egress));
  const world = worldOf({ egress, bodyBytesMax: place.bodyBytesMax });
  world.catalog = catalog;
  const service: GrpcServer = createService(world.gateway);
  await service.listen(join(runDir, SOCKETS.extProc));

  const { resources } = translate({ built, place }).groups.get(NODE_GROUPS.envoy)!;
  const config = staticBootstrap(resources, runDir);
  const path = join(runDir, 'envoy.json');
  writeFileSync(path, JSON.stringify(config));
  const envoy = spawn(envoyForTests(), ['-c', path, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'error'], {
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [envoy.stdout, envoy.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-20_000);
    });
  }
  const url = place.publicUrl;
  const ask = async (): Promise<number> => {
    if (envoy.exitCode !== null) throw new Error(`Envoy ended:\n${output}`);
    return (await fetch(url).catch(() => null))?.status ?? 0;
  };
  await until('Envoy serves', ask, (status) => status === 404);
  return {
    url,
    world,
    stopService: () => service.close(),
    async close() {
      await ended(envoy);
      await service.close();
      egress.close();
      world.close();
      rmSync(runDir, { recursive: true, force: true });
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
