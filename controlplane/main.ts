// Decides how the control plane is put together.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Catalog } from '../core/catalog/catalog.ts';
import { surfaceWarnings } from '../core/catalog/exposure-warnings.ts';
import { parseNetworks } from '../core/catalog/networks.ts';
import { policyWarnings } from '../core/catalog/policy-warnings.ts';
import { ACCESS_LOG_FILE, NODE_GROUPS, SOCKETS } from '../core/contract.ts';
import { LIMITS } from '../core/limits.ts';
import { createEgressClient } from '../core/mcp/egress.ts';
import { createEgressStreams } from '../core/mcp/egress-stream.ts';
import { runService, StartError } from '../core/runtime/process.ts';
import { SETTINGS } from '../core/runtime/settings.ts';
import { envoyBinary } from '../envoy/binary.ts';
import { openEnvoyApi } from '../proto/envoy-api.ts';
import { createApi } from './api/api.ts';
import { serveApi } from './api/serve.ts';
import { authoritiesFile } from './authorities.ts';
import { writeBootstrap } from './bootstrap-file.ts';
import { systemClock } from './discovery/clock.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { createHealth } from './health.ts';
import { createFetchJson } from './issuers/fetch-json.ts';
import { openKeptKeys } from './issuers/kept-keys.ts';
import { createKeyring } from './issuers/keyring.ts';
import { KeyError, openKeys } from './keys/keys.ts';
import { storeDecisions } from './ledger/decisions.ts';
import { openLedger } from './ledger/ledger.ts';
import { createMetrics } from './metrics.ts';
import { waitingChanges } from './pinning/waiting.ts';
import { buildPublication, type Publication } from './publication.ts';
import { createPublisher } from './publish.ts';
import { RegistryError } from './registry/error.ts';
import { openRegistry } from './registry/registry.ts';
import type { RegistrySnapshot, StoredDocument } from './registry/types.ts';
import { serveReports } from './reports.ts';
import { announcing } from './xds/instances.ts';
import { createXdsServer } from './xds/server.ts';
import { readAdsTls } from './xds/tls.ts';

/** Without one of these no call is answered. */
const GROUPS_NEEDED = [NODE_GROUPS.envoy, NODE_GROUPS.extProc, NODE_GROUPS.extAuthz];

runService('controlplane', async ({ settings, log, rootDir }) => {
  const now = Date.now;
  const socket = (name: string): string => join(settings.runDir, name);
  const keys = explain(() => openKeys(settings.home, { publicUrl: settings.publicUrl }));
  const networks = parseNetworks(settings.endpointNetworks);
  if ('problem' in networks) throw new StartError(`${SETTINGS.endpointNetworks.env}: ${networks.problem}`);
  const adsTls = readAdsTls(settings);
  const registry = await openRegistry(join(settings.home, 'registry.db'), {
    now,
    log,
    registryKey: keys.registryKey,
    constraints: {
      host: settings.host,
      runDir: settings.runDir,
      networks,
      own: { host: settings.host, port: settings.port, authority: new URL(settings.publicUrl).host },
      clientCertificates: settings.clientCa !== '',
      ownIssuers: [keys.issuer.issuer],
    },
  }).catch(explained);
  const found = envoyBinary(settings, rootDir);
  if ('problem' in found) throw new StartError(found.problem);
  const envoyApi = openEnvoyApi(found.path, join(rootDir, '.cache'));
  writeBootstrap(settings.runDir, `envoy-${hostname()}`);

  const metrics = createMetrics(() => discovery.standing());
  const xds = createXdsServer({ log, now, metrics: metrics.xds, onInstance: () => announced.changed() });
  const announced = announcing(xds);
  const keyring = createKeyring({
    fetchJson: createFetchJson({
      networks,
      ...(settings.caFile === '' ? {} : { ca: readFileSync(settings.caFile, 'utf8') }),
    }),
    kept: openKeptKeys(settings.home, log),
    clock: systemClock,
    log,
    random: Math.random,
    onChange: () => publisher.request(),
  });
  const context = {
    settings,
    keys,
    issuerOf: keyring.issuerOf,
    identityKeys: () => keys.identityKeys.at(now()),
    place: {
      ...settings,
      caFile: authoritiesFile(settings.caFile),
      accessLog: join(settings.home, 'logs', ACCESS_LOG_FILE),
    },
  };
  const egress = createEgressClient(socket(SOCKETS.egress));
  const streams = createEgressStreams(socket(SOCKETS.egress));
  let served: Publication | undefined;
  const publisher = createPublisher({
    xds: { ...xds, setSnapshot: announced.setSnapshot },
    api: envoyApi,
    log,
    snapshot: () => registry.snapshot(),
    build: (snapshot, previous) => buildPublication(snapshot, context, previous, discovery.blocked()),
    // A server is read through Envoy, so when Envoy knows it.
    onServed: (publication) => {
      served = publication;
      discovery.sync(publication.targets);
      keyring.sync(publication.made.built.documents.Issuer);
    },
  });
  const discovery = createDiscovery({
    egress,
    streams,
    registry,
    networks,
    clock: systemClock,
    log,
    random: Math.random,
    onChange: () => publisher.request(),
    onBlocked: () => publisher.request(),
  });
  let latest: { readonly snapshot: RegistrySnapshot; readonly catalog: Catalog } | undefined;
  /** Of what was written just now, published or not; made once, as a list of surfaces asks for each of them. */
  const catalogOf = (snapshot: RegistrySnapshot): Catalog => {
    if (latest?.snapshot !== snapshot) {
      const { made } = buildPublication(snapshot, context, served, discovery.blocked());
      latest = { snapshot, catalog: made.built.catalog };
    }
    return latest.catalog;
  };
  const health = createHealth({ adminSocket: socket(SOCKETS.envoyAdmin) });
  const ledger = await openLedger({
    beside: registry.beside,
    now,
    newId: () => randomBytes(16).toString('hex'),
    metrics: metrics.ledger,
    log,
  }).catch(explained);
  const reports = await serveReports({
    socketPath: socket(SOCKETS.reports),
    protoDir: join(rootDir, 'proto'),
    log,
    onTombstones: async (tombstones) => {
      if ((await registry.saveTombstones(tombstones)).length > 0) publisher.request();
    },
    onKeyUses: (uses) => registry.touchKeys(uses),
    onUnknownKey: (issuer, kid) => keyring.unknownKey(issuer, kid),
    async onDecisions(records, lost) {
      metrics.ledger.lost(lost);
      await storeDecisions(registry.beside, records, metrics.ledger);
    },
    ledger,
  });
  const forget = setInterval(() => {
    ledger.sweep().catch((error: unknown) => log.error({ err: error }, 'the ledger could not be swept'));
  }, LIMITS.ledgerSweepMs).unref();
  keyring.sync(issuersIn(registry.snapshot()));
  await publisher.now();
  await xds.listenUnix(socket(SOCKETS.ads));
  await xds.listenTcp(settings.adsHost, settings.adsPort, adsTls);
  const api = createApi({
    registry,
    settings,
    log,
    now,
    operatorToken: keys.operatorToken,
    ledger,
    catalog: catalogOf,
    nodes: () => xds.nodes(),
    missing: () => {
      const connected = xds.nodes().filter((node) => node.connected && node.transport !== 'tcp');
      const clients = new Set(connected.map(({ client }) => client));
      return [
        ...(publisher.current() ? [] : ['the newest revision is not published (yet): see controlplane.log']),
        ...GROUPS_NEEDED.filter((group) => !clients.has(group)).map(
          (group) => `${group} is not connected: see ${group}.log`,
        ),
        ...discovery.unread().map(({ server, version }) => `server "${server}" ${version} is not read: see its error`),
      ];
    },
    onChange: () => publisher.request(),
    preview: (snapshot) => publisher.preview(snapshot),
    warnings: (name, snapshot) => {
      const catalog = catalogOf(snapshot);
      const surface = catalog.surfaces.get(name);
      return surface === undefined ? [] : surfaceWarnings(catalog, surface);
    },
    policyWarnings: (name, snapshot) => {
      const catalog = catalogOf(snapshot);
      const policy = catalog.policies.get(name);
      return policy === undefined ? [] : policyWarnings(catalog, policy);
    },
    issuer: (name) => keyring.status(name),
    health: async (cluster) => (await health.of([cluster])).get(cluster) ?? null,
    metrics: () => {
      metrics.toolChanges(waitingChanges(registry.snapshot()));
      return metrics.text();
    },
  });
  const listening = await serveApi(api, settings.apiHost, settings.apiPort);
  let signing = keys.identityKeys.at(now());
  const expire = setInterval(() => {
    if (keys.identityKeys.at(now()) !== signing) {
      signing = keys.identityKeys.at(now());
      publisher.request();
    }
    void registry.expire().then(
      (expired) => expired && publisher.request(),
      (error: unknown) => log.error({ err: error }, 'what has expired could not be dropped'),
    );
  }, LIMITS.tombstoneSweepMs).unref();
  log.info({ ads: settings.adsPort, api: settings.apiPort }, 'the control plane serves');
  return {
    async close() {
      clearInterval(expire);
      clearInterval(forget);
      await listening.close();
      keyring.close();
      await discovery.close();
      await publisher.close();
      reports.close();
      await ledger.close();
      await xds.close();
      streams.close();
      egress.close();
      await registry.close();
    },
  };
});

function issuersIn({ documents }: RegistrySnapshot): ReadonlyMap<string, StoredDocument> {
  const issuers = documents.filter(({ document }) => document.kind === 'Issuer');
  return new Map(issuers.map((stored) => [stored.document.name, stored]));
}

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
