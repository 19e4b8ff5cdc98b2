// Decides that Envoy's access log, which Envoy writes itself, stays bounded: one rotation, as for every other log.
import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ACCESS_LOG_FILE, SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { ask } from './ask.ts';

/** Looks from time to time; the result stops it. A log that is not there, or not yet, is none to rotate. */
export function watchAccessLog({ logDir, runDir }: { readonly logDir: string; readonly runDir: string }): () => void {
  const path = join(logDir, ACCESS_LOG_FILE);
  const timer = setInterval(() => {
    if (size(path) <= LIMITS.accessLogBytesMax) return;
    renameSync(path, `${path}.1`);
    const at = { socketPath: join(runDir, SOCKETS.envoyAdmin) };
    void ask({ at, path: '/reopen_logs', method: 'POST', headers: { host: 'localhost' } });
  }, LIMITS.accessLogCheckMs).unref();
  return () => clearInterval(timer);
}

function size(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
