// Decides where Envoy's bootstrap lies, and that nobody reads half of it.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOOTSTRAP_FILE } from '../core/contract.ts';
import { bootstrap } from '../envoy/bootstrap.ts';

/** Mode 0600. The node id tells instances apart in GET /v1/nodes. */
export function writeBootstrap(runDir: string, nodeId: string): void {
  const path = join(runDir, BOOTSTRAP_FILE);
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(bootstrap({ nodeId, runDir }), null, 2)}\n`, { mode: 0o600 });
  renameSync(partial, path);
}
