// Decides how a bridge listens: on a Unix socket that only our own user can open, in a folder that only it can enter.
import { lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname, isAbsolute } from 'node:path';

/** The socket has mode 0600 from the moment it exists. Rejects with one sentence that says what is wrong with the path. */
export async function listenOnSocket(server: Server, path: string, pathBytesMax: number): Promise<void> {
  if (!isAbsolute(path)) throw new Error(`the socket path "${path}" is not absolute`);
  const bytes = Buffer.byteLength(path);
  if (bytes > pathBytesMax)
    throw new Error(`the socket path "${path}" has ${bytes} bytes, wanted at most ${pathBytesMax}`);
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const mode = statSync(folder).mode & 0o777;
  if ((mode & 0o077) !== 0) throw new Error(`the folder ${folder} has mode ${mode.toString(8)}, wanted 700`);
  removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // `listen` binds before it returns; a chmod after it would leave a moment in which others could connect.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** What a killed bridge left; never a file that is something else. */
function removeStale(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new Error(`"${path}" exists and is not a socket`);
  rmSync(path);
}
