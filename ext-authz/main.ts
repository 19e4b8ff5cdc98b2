// Decides how the ext-authz process is put together.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { KINDS_OF_GROUP, NODE_GROUPS, SOCKETS } from '../core/contract.ts';
import { createVerifier } from '../core/identity/verify.ts';
import { checkPolicy } from '../core/policy/check-policy.ts';
import { runService } from '../core/runtime/process.ts';
import { openCatalog } from '../core/xds-client/catalog-client.ts';
import { adsTarget } from '../core/xds-client/target.ts';
import { createService } from './service.ts';

runService('ext-authz', async ({ settings, log }) => {
  const socket = (name: string): string => join(settings.runDir, name);
  const client = openCatalog({
    ...adsTarget(settings),
    node: { id: `ext-authz-${process.pid}`, group: NODE_GROUPS.extAuthz },
    kinds: KINDS_OF_GROUP[NODE_GROUPS.extAuthz],
    log,
    now: Date.now,
    checkPolicy,
  });
  const service = createService({
    catalog: () => client.current(),
    verifier: createVerifier({ now: Date.now }),
    bodyBytesMax: settings.bodyBytesMax,
    log,
    newDecisionId: randomUUID,
  });
  await service.listen(socket(SOCKETS.extAuthz));
  log.info({ socket: SOCKETS.extAuthz }, 'listening');
  return {
    async close() {
      await service.close();
      client.close();
    },
  };
});
