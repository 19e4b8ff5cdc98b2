// Decides where a test's gateway is: a run directory of its own, and a port on loopback that nobody has.
import { join } from 'node:path';
import { freePorts } from '../../bench/ports.ts';
import type { Place } from '../../controlplane/xds/translate/types.ts';

export async function placeIn(runDir: string, over: Partial<Place> = {}): Promise<Place> {
  const [port = 0] = await freePorts(1);
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
