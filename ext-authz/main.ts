// Decides how the ext-authz process is put together.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { checkPolicy } from '../core/catalog/check-policy.ts';
import { KINDS_OF_GROUP, NODE_GROUPS, SOCKETS } from '../core/contract.ts';
import { createVerifier } from '../core/identity/verify.ts';
import { createDecisionLog } from '../core/ledger-client/decision-log.ts';
import { createLedger } from '../core/ledger-client/ledger.ts';
import { runService } from '../core/runtime/process.ts';
import { openCatalog } from '../core/xds-client/catalog-client.ts';
import { adsTarget } from '../core/xds-client/target.ts';
import { createService } from './service.ts';

runService('ext-authz', async ({ settings, log, rootDir }) => {
  const socket = (name: string): string => join(settings.runDir, name);
  const nodeId = `ext-authz-${process.pid}`;
  const client = openCatalog({
    ...adsTarget(settings),
    node: { id: nodeId, group: NODE_GROUPS.extAuthz },
    kinds: KINDS_OF_GROUP[NODE_GROUPS.extAuthz],
    log,
    now: Date.now,
    checkPolicy,
  });
  const ledger = createLedger({
    socketPath: socket(SOCKETS.reports),
    nodeId,
    protoDir: join(rootDir, 'proto'),
    log,
    now: Date.now,
  });
  const decisions = createDecisionLog({
    socketPath: socket(SOCKETS.reports),
    nodeId,
    protoDir: join(rootDir, 'proto'),
    log,
  });
  const service = createService({
    catalog: () => client.current(),
    verifier: createVerifier({ now: Date.now }),
    bodyBytesMax: settings.bodyBytesMax,
    log,
    newDecisionId: randomUUID,
    ledger,
    recorded: (record) => decisions.record(record),
    now: Date.now,
  });
  await service.listen(socket(SOCKETS.extAuthz));
  log.info({ socket: SOCKETS.extAuthz }, 'listening');
  return {
    async close() {
      await service.close();
      ledger.close();
      decisions.close();
      client.close();
    },
  };
});
