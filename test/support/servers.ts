// Decides how a test gets MCP servers of its own: the SDK's, on a loopback port or a Unix socket.
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { ServerOptions } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { type EventStore, StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { ServerCapabilities } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { createEventStore } from '../fixture-server/event-store.ts';

export interface TestServer {
  /** As a server document wants it. */
  readonly url: string;
  /** What each request brought, newest last. */
  readonly requests: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: string;
  }[];
  /** Forgets every session, as a restart would. */
  forget(): void;
  close(): Promise<void>;
}

/** What a test server has beside its tool `greet`. */
export type Furnish = (server: McpServer) => void;

export interface TestServerOptions {
  /** Its streams have event ids and go on where they broke. */
  readonly resumable?: boolean;
  /** As it declares them, beside its tools. */
  readonly capabilities?: ServerCapabilities;
  /** Where it keeps tasks, of all its sessions. */
  readonly tasks?: Pick<ServerOptions, 'taskStore' | 'taskMessageQueue'>;
}

/**
 * A server of @modelcontextprotocol/sdk with a tool `greet`, which answers who it is. `at`: a port (0: any) or a socket
 * path.
 */
export async function startTestServer(
  name: string,
  at: number | string = 0,
  furnish: Furnish = () => undefined,
  options: TestServerOptions = {},
): Promise<TestServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const requests: TestServer['requests'] = [];
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const server = new McpServer(
      { name, version: '1.0.0' },
      { capabilities: options.capabilities ?? {}, ...options.tasks },
    );
    server.registerTool('greet', { description: 'Greets.', inputSchema: { who: z.string() } }, ({ who }) => ({
      content: [{ type: 'text', text: `${name} greets ${who}` }],
    }));
    furnish(server);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      ...(options.resumable === true && { eventStore: createEventStore() as EventStore, retryInterval: 50 }),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    return transport;
  };
  const http: Server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const body = Buffer.concat(chunks).toString();
      requests.push({ method: incoming.method ?? '', headers: incoming.headers, body });
      const id = incoming.headers['mcp-session-id'];
      const known = typeof id === 'string' ? sessions.get(id) : undefined;
      if (id !== undefined && known === undefined) {
        response.writeHead(404, { 'content-type': 'application/json' });
        response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
        return;
      }
      const transport = known ?? (await open());
      await transport.handleRequest(incoming, response, body === '' ? undefined : JSON.parse(body));
    });
  });
  await new Promise<void>((resolve) =>
    typeof at === 'number' ? http.listen(at, '127.0.0.1', resolve) : http.listen(at, resolve),
  );
  const address = http.address();
  const url =
    typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}/mcp` : `unix:${address}:/mcp`;
  return {
    url,
    requests,
    forget: () => sessions.clear(),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
