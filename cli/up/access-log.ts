// Decides that Envoy's access log, which Envoy writes itself, stays bounded: one rotation, as for every other log.
import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ACCESS_LOG_FILE, SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { ask } from './ask.ts';

/** Looks from time to time; the result stops it. A log that is not there, or not yet, is none to rotate. */
export function watchAccessLog({ logDir, runDir }: { readonly logDir: string; readonly runDir: string }): () => void {
  const look = accessLogRotation(join(logDir, ACCESS_LOG_FILE), join(runDir, SOCKETS.envoyAdmin));
  const timer = setInterval(() => void look(), LIMITS.accessLogCheckMs).unref();
  return () => clearInterval(timer);
}

/** One look at a time. `adminSocket`: where Envoy is asked to open its logs anew. */
export function accessLogRotation(path: string, adminSocket: string, bytesMax: number = LIMITS.accessLogBytesMax) {
  let asking = false;
  /** It was moved away under Envoy, which goes on writing to it until it takes the question. */
  let moved = false;
  return async (): Promise<void> => {
    if (asking || (!moved && size(path) <= bytesMax)) return;
    if (!moved) renameSync(path, `${path}.1`);
    moved = true;
    asking = true;
    const at = { socketPath: adminSocket };
    const answer = await ask({ at, path: '/reopen_logs', method: 'POST', headers: { host: 'localhost' } });
    moved = !('status' in answer) || answer.status !== 200;
    asking = false;
  };
}

function size(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
