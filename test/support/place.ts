// Decides where a test's gateway is: a run directory of its own, and a port on loopback that nobody has.
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Place } from '../../controlplane/xds/translate/types.ts';

export async function placeIn(runDir: string, over: Partial<Place> = {}): Promise<Place> {
  const port = await freePort();
  return {
    host: '127.0.0.1',
    port,
    runDir,
    publicUrl: `http://127.0.0.1:${port}`,
    allowedOrigins: [],
    bodyBytesMax: 1024 * 1024,
    caFile: '',
    accessLog: join(runDir, 'access.log'),
    ...over,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
