// Decides how the ext-proc process is put together.
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Catalog } from '../core/catalog/catalog.ts';
import { checkPolicy } from '../core/catalog/check-policy.ts';
import {
  extProcSocket,
  INSTANCE_METADATA,
  instanceSocket,
  KINDS_OF_GROUP,
  NODE_GROUPS,
  SOCKETS,
} from '../core/contract.ts';
import { createVerifier } from '../core/identity/verify.ts';
import { createDecisionLog } from '../core/ledger-client/decision-log.ts';
import { createLedger } from '../core/ledger-client/ledger.ts';
import { LIMITS } from '../core/limits.ts';
import { createEgressClient } from '../core/mcp/egress.ts';
import { createEgressCalls } from '../core/mcp/egress-call.ts';
import { runService } from '../core/runtime/process.ts';
import { createHandleCodec, type HandleCodec } from '../core/session/handles.ts';
import { createSideTable } from '../core/session/side-table.ts';
import { createSessionCodec, type SessionCodec } from '../core/session/token.ts';
import { openCatalog } from '../core/xds-client/catalog-client.ts';
import { adsTarget } from '../core/xds-client/target.ts';
import { createBridges } from './bridging/bridges.ts';
import { createAskedTable } from './compose/identifiers.ts';
import { createKnownTasks } from './compose/task-ids.ts';
import { createUnderwayTable } from './compose/underway.ts';
import type { Gateway } from './gateway.ts';
import { createIdentityTokens } from './identity-tokens.ts';
import { createAddressBook } from './instances/address-book.ts';
import { answerRelayed } from './instances/answer.ts';
import { createInstances } from './instances/instances.ts';
import { serveInstances } from './instances/serve.ts';
import { instanceTls } from './instances/tls.ts';
import { loadInstances } from './instances/wire.ts';
import { createLiveTable } from './live.ts';
import { createReporter } from './reports.ts';
import { createService } from './service.ts';
import { createStreamTable } from './streams/table.ts';
import { createTombstones } from './tombstones.ts';

runService('ext-proc', async ({ settings, log, rootDir }) => {
  const now = Date.now;
  const nodeId = `ext-proc-${process.pid}`;
  const socket = (name: string): string => join(settings.runDir, name);
  const bridges = createBridges({ now, randomBytes });
  const ads = adsTarget(settings);
  const address = settings.instanceAddress || `unix:${socket(instanceSocket(settings.instance))}`;
  const tls = instanceTls(settings, ads.tls);
  const client = openCatalog({
    ...ads,
    node: {
      id: nodeId,
      group: NODE_GROUPS.extProc,
      metadata: { [INSTANCE_METADATA.name]: bridges.instance, [INSTANCE_METADATA.address]: address },
    },
    kinds: KINDS_OF_GROUP[NODE_GROUPS.extProc],
    log,
    now,
    checkPolicy,
  });
  const reporter = createReporter({
    socketPath: socket(SOCKETS.reports),
    nodeId,
    protoDir: join(rootDir, 'proto'),
    log,
    now,
  });
  const ledger = createLedger({
    socketPath: socket(SOCKETS.reports),
    nodeId,
    protoDir: join(rootDir, 'proto'),
    log,
    now,
  });
  const decisions = createDecisionLog({
    socketPath: socket(SOCKETS.reports),
    nodeId,
    protoDir: join(rootDir, 'proto'),
    log,
  });
  const egress = createEgressClient(socket(SOCKETS.egress));
  const calls = createEgressCalls(socket(SOCKETS.egress));
  const streams = createStreamTable({ now });
  const relay = loadInstances(join(rootDir, 'proto'));
  const book = createAddressBook({ self: bridges.instance, now });
  client.onInstance(() => book.update(client.resources('instance')));
  const instances = createInstances({ book, service: relay, log, ...(tls !== undefined && { tls }) });
  const live = createLiveTable({ now, catalog: () => client.current() });
  const codecOf = codecs(now);
  const gateway: Gateway = {
    catalog: () => client.current(),
    sessions: () => codecOf(client.current()).sessions,
    handles: () => codecOf(client.current()).handles,
    bodyBytesMax: settings.bodyBytesMax,
    verifier: createVerifier({ now, onUnknownKey: (issuer, kid) => reporter.unknownKey(issuer, kid) }),
    keyUsed: (id) => reporter.keyUsed(id),
    side: createSideTable({ now }),
    tombstones: createTombstones({
      pushed: () => client.tombstones(),
      report: (tombstone) => reporter.tombstone(tombstone),
    }),
    egress,
    calls,
    asked: createAskedTable(),
    tasks: createKnownTasks(),
    bridges,
    instances,
    ledger,
    recorded: (record) => decisions.record(record),
    underway: createUnderwayTable(),
    streams,
    live,
    identityTokens: createIdentityTokens({ now }),
    log,
    now,
    newDecisionId: randomUUID,
  };
  client.onChange(() => {
    live.changed();
    streams.changed();
  });
  // A session that was ended in another ext-proc.
  client.onTombstone(() => {
    for (const tokenId of client.tombstones().keys()) streams.end(tokenId);
  });
  const service = createService(gateway);
  const relayed = await serveInstances({
    service: relay,
    address,
    bodyBytesMax: settings.bodyBytesMax,
    answer: (request) => answerRelayed(gateway, request),
    log,
    ...(settings.instanceAddress !== '' && tls !== undefined && { tls }),
  });
  const own = extProcSocket(settings.instance);
  const listen = async (): Promise<void> => {
    await service.listen(socket(own));
    log.info({ socket: own }, 'listening');
  };
  // Where others serve meanwhile, Envoy gets no answer of one that has no configuration yet.
  if (settings.instances === 1) await listen();
  else void client.ready(LIMITS.xdsFirstContactMs).then(listen);
  return {
    async close() {
      live.close();
      streams.close();
      // Envoy may be gone already; where it is not, the servers hear of it.
      const ended = bridges.close();
      relayed.close();
      instances.close();
      await service.close();
      await ended;
      reporter.close();
      ledger.close();
      decisions.close();
      client.close();
      egress.close();
      calls.close();
    },
  };
});

interface Codecs {
  readonly sessions: SessionCodec;
  readonly handles: HandleCodec;
}

/** Keys are imported once; a catalog with the same keys keeps the codec, and with it the tokens that are open. */
function codecs(now: () => number): (catalog: Catalog | null) => Codecs {
  let keys = '';
  const make = (sessionKeys: Catalog['sessionKeys']): Codecs => ({
    sessions: createSessionCodec(sessionKeys, { now, randomBytes }),
    handles: createHandleCodec(sessionKeys, { now, randomBytes }),
  });
  let codec = make([]);
  let seen: Catalog | null = null;
  return (catalog) => {
    if (catalog === null || catalog === seen) return codec;
    seen = catalog;
    const text = JSON.stringify(catalog.sessionKeys);
    if (text !== keys) {
      keys = text;
      codec = make(catalog.sessionKeys);
    }
    return codec;
  };
}
