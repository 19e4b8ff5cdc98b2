// Decides how the fake MCP server runs as a process: on a Unix socket and on a port of loopback, until its starter is gone.
import { createFakeMcp } from './fake-mcp.ts';
import { listen } from './fake-server.ts';
import { LOOPBACK } from './load-order.ts';

/** What it tells its starter once it listens. */
export interface BackendReady {
  readonly port: number;
}

process.on('disconnect', () => process.exit(0));
const answer = createFakeMcp();
const [loopback] = await Promise.all([
  listen(answer, { host: LOOPBACK, port: 0 }),
  listen(answer, { path: process.argv[2] ?? '' }),
]);
const ready: BackendReady = { port: (loopback.address() as { readonly port: number }).port };
process.send?.(ready);
