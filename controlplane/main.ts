// Decides how the control plane is put together.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ACCESS_LOG_FILE, NODE_GROUPS, SOCKETS } from '../core/contract.ts';
import { LIMITS } from '../core/limits.ts';
import { createEgressClient } from '../core/mcp/egress.ts';
import { runService, StartError } from '../core/runtime/process.ts';
import { envoyBinary } from '../envoy/binary.ts';
import { openEnvoyApi } from '../proto/envoy-api.ts';
import { createApi } from './api/api.ts';
import { serveApi } from './api/serve.ts';
import { authoritiesFile } from './authorities.ts';
import { writeBootstrap } from './bootstrap-file.ts';
import { systemClock } from './discovery/clock.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { KeyError, openKeys } from './keys/keys.ts';
import { buildPublication } from './publication.ts';
import { createPublisher } from './publish.ts';
import { RegistryError } from './registry/error.ts';
import { openRegistry } from './registry/registry.ts';
import { serveReports } from './reports.ts';
import { createXdsServer } from './xds/server.ts';

/** Without one of these no call is answered. */
const GROUPS_NEEDED = [NODE_GROUPS.envoy, NODE_GROUPS.extProc, NODE_GROUPS.extAuthz];

runService('controlplane', async ({ settings, log, rootDir }) => {
  const now = Date.now;
  const socket = (name: string): string => join(settings.runDir, name);
  const keys = explain(() => openKeys(settings.home, { publicUrl: settings.publicUrl }));
  const registry = await openRegistry(join(settings.home, 'registry.db'), {
    now,
    log,
    constraints: { host: settings.host, runDir: settings.runDir },
  }).catch(explained);
  const found = envoyBinary(settings, rootDir);
  if ('problem' in found) throw new StartError(found.problem);
  const envoyApi = openEnvoyApi(found.path, join(rootDir, '.cache'));
  writeBootstrap(settings.runDir, `envoy-${hostname()}`);

  const xds = createXdsServer({ log, now });
  const place = {
    ...settings,
    caFile: authoritiesFile(settings.caFile),
    accessLog: join(settings.home, 'logs', ACCESS_LOG_FILE),
  };
  const egress = createEgressClient(socket(SOCKETS.egress));
  const publisher = createPublisher({
    xds,
    api: envoyApi,
    log,
    build: async () => buildPublication(await registry.snapshot(), { place, settings, keys }),
    // A server is read through Envoy, so when Envoy knows it.
    onServed: ({ targets }) => discovery.sync(targets),
  });
  const discovery = createDiscovery({
    egress,
    registry,
    clock: systemClock,
    log,
    random: Math.random,
    onChange: () => publisher.request(),
  });
  const reports = await serveReports({
    socketPath: socket(SOCKETS.reports),
    protoDir: join(rootDir, 'proto'),
    log,
    onTombstones: async (tombstones) => {
      if ((await registry.saveTombstones(tombstones)).length > 0) publisher.request();
    },
  });
  await publisher.now();
  await xds.listenUnix(socket(SOCKETS.ads));
  await xds.listenTcp(settings.adsHost, settings.adsPort);
  const api = createApi({
    registry,
    settings,
    log,
    operatorToken: keys.operatorToken,
    nodes: () => xds.nodes(),
    missing: () => [
      ...(publisher.current() ? [] : ['the newest revision is not published (yet): see controlplane.log']),
      ...GROUPS_NEEDED.filter(
        (group) => !xds.nodes().some((node) => node.group === group && node.transport === 'unix'),
      ).map((group) => `${group} is not connected: see ${group}.log`),
      ...discovery.unread().map((server) => `server "${server}" is not read: see its error`),
    ],
    onChange: () => publisher.request(),
  });
  const served = await serveApi(api, settings.apiHost, settings.apiPort);
  const expire = setInterval(() => {
    void registry.expireTombstones().then((expired) => expired.length > 0 && publisher.request());
  }, LIMITS.tombstoneSweepMs).unref();
  log.info({ ads: settings.adsPort, api: settings.apiPort }, 'the control plane serves');
  return {
    async close() {
      clearInterval(expire);
      await served.close();
      await discovery.close();
      await publisher.close();
      reports.close();
      await xds.close();
      egress.close();
      await registry.close();
    },
  };
});

/** What only an operator can mend ends the process with its one sentence. */
function explained(error: unknown): never {
  throw error instanceof KeyError || error instanceof RegistryError
    ? new StartError(error.message, { cause: error })
    : error;
}

function explain<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return explained(error);
  }
}
