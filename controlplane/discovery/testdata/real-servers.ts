// Decides how the discovery tests get real MCP servers of both eras, on Unix sockets that stand for Envoy's egress listener.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

export interface RealServer {
  readonly socketPath: string;
  /** Every client that listens is told. */
  addTool(name: string): void;
  /** Sessions that nobody has ended. */
  sessions(): number;
  close(): Promise<void>;
}

const ANSWER = async () => ({ content: [] });

/** Of the SDK of the legacy era, with sessions and GET streams. */
export async function startLegacyServer(): Promise<RealServer> {
  const sessions = new Map<string, { transport: StreamableHTTPServerTransport; server: LegacyServer }>();
  const tools = ['first'];
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const server = new LegacyServer({ name: 'legacy', version: '1' });
    for (const name of tools) server.registerTool(name, {}, ANSWER);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, { transport, server }),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    return transport;
  };
  const listening = await listen(async (request, response) => {
    const text = await bodyOf(request);
    const transport = sessions.get(String(request.headers['mcp-session-id']))?.transport ?? (await open());
    await transport.handleRequest(request, response, text === '' ? undefined : JSON.parse(text));
  });
  return {
    ...listening,
    sessions: () => sessions.size,
    addTool(name) {
      tools.push(name);
      for (const { server } of sessions.values()) server.registerTool(name, {}, ANSWER);
    },
  };
}

/** Of the SDK of the modern era. `legacy`: whether it serves the legacy one too, without sessions or streams. */
export async function startModernServer(legacy: 'stateless' | 'reject'): Promise<RealServer> {
  const tools = ['first'];
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'modern', version: '1' });
      for (const name of tools) server.registerTool(name, {}, ANSWER);
      return server;
    },
    { legacy },
  );
  const listening = await listen(async (request, response) => {
    const body = await bodyOf(request);
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string]);
    const method = request.method ?? 'GET';
    const answer = await handler.fetch(
      new Request(`http://localhost${request.url}`, { method, headers, ...(body === '' ? {} : { body }) }),
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    const reader = answer.body?.getReader();
    response.on('close', () => void reader?.cancel().catch(() => {}));
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) response.write(part.value);
    response.end();
  });
  return {
    ...listening,
    sessions: () => 0,
    addTool(name) {
      tools.push(name);
      handler.notify.toolsChanged();
    },
  };
}

/** Any server, by its handler. */
export async function listen(handle: RequestListener): Promise<Pick<RealServer, 'socketPath' | 'close'>> {
  const folder = mkdtempSync(join(tmpdir(), 'chy-real-'));
  const socketPath = join(folder, 's.sock');
  const server = http.createServer(handle);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
