// Decides how the bridge process is put together.
import { randomUUID } from 'node:crypto';
import { KINDS_OF_GROUP, NODE_GROUPS } from '../core/contract.ts';
import { runService } from '../core/runtime/process.ts';
import { openCatalog } from '../core/xds-client/catalog-client.ts';
import { adsTarget } from '../core/xds-client/target.ts';
import { createBridge } from './bridge.ts';
import { readConfig } from './config.ts';

runService('bridge', async ({ settings, log }) => {
  const { nodeId, limits, baseEnv, nodePath } = readConfig(settings);
  const bridge = createBridge({ log, now: () => performance.now(), randomId: randomUUID, limits, baseEnv, nodePath });
  // However this process ends, short of SIGKILL, its children end before it.
  process.on('exit', () => bridge.killAll());
  const client = openCatalog({
    node: { id: nodeId, group: NODE_GROUPS.bridge },
    ...adsTarget(settings),
    kinds: KINDS_OF_GROUP[NODE_GROUPS.bridge],
    log,
    now: Date.now,
  });
  client.onChange(() => void bridge.apply([...client.resources('stdioServer').values()]));
  return {
    async close() {
      client.close();
      await bridge.close();
    },
  };
});
