// Decides how the fixture listens: one URL for both eras, on loopback or a Unix socket.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { buildServer } from './build.ts';
import { createChanging } from './changing.ts';
import { createSessions } from './sessions.ts';

const PATH = '/mcp';
const KEY_BYTES = 32;

export interface FixtureServer {
  /** For a client: `http://localhost:PORT/mcp`, as the conformance suite wants it; '' on a Unix socket. */
  readonly url: string;
  /** For a server document: `http://127.0.0.1:PORT/mcp` or `unix:SOCKET:/mcp`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** `at`: a port (0: any) or the path of a Unix socket. */
export async function startFixtureServer(at: number | string = 0): Promise<FixtureServer> {
  const key = randomBytes(KEY_BYTES);
  const changing = createChanging((list) => {
    if (list === 'tools') modern.notify.toolsChanged();
    else modern.notify.promptsChanged();
  });
  const modern = createMcpHandler(() => buildServer(key, { changing, session: false }), { legacy: 'reject' });
  const sessions = createSessions(() => buildServer(key, { changing, session: true }));
  const serve = async (request: Request): Promise<Response> => {
    const refused =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins());
    if (refused !== undefined) return refused;
    if (new URL(request.url).pathname !== PATH) return new Response(null, { status: 404 });
    return (await isLegacyRequest(request)) ? sessions.serve(request) : modern.fetch(request);
  };
  const http = createServer(getRequestListener(serve, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    if (typeof at === 'number') http.listen(at, '127.0.0.1', resolve);
    else http.listen(at, resolve);
  });
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : null;
  return {
    url: port === null ? '' : `http://localhost:${port}${PATH}`,
    endpoint: port === null ? `unix:${at}:${PATH}` : `http://127.0.0.1:${port}${PATH}`,
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      await Promise.all([modern.close(), sessions.close()]);
      http.closeAllConnections();
      await closed;
    },
  };
}
