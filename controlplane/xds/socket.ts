// Decides when a Unix socket's path may be taken, and who may connect to it.
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { LIMITS } from '../../core/limits.ts';

/**
 * Makes the path free: a socket file that nobody listens on any more is removed.
 * @throws when the path is too long, is no socket, or somebody listens there.
 */
export async function claimSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LIMITS.socketPathBytesMax) {
    throw new Error(`the socket path ${path} has more than ${LIMITS.socketPathBytesMax} bytes`);
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is no socket`);
  if (await answers(path)) throw new Error(`${path} is in use by another process`);
  rmSync(path, { force: true });
}

/** Only our own user may connect. */
export function protectSocket(path: string): void {
  chmodSync(path, 0o600);
}

export function removeSocket(path: string): void {
  rmSync(path, { force: true });
}

/** A full backlog is an answer too: somebody listens. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(LIMITS.xdsKeepAliveDeadlineMs, () => finish(true));
    socket.once('connect', () => finish(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      finish(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
    const finish = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
  });
}
