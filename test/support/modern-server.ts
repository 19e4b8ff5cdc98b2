// Decides how a test gets an MCP server that speaks the modern era alone.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import type { TestServer } from './servers.ts';

export interface ModernTestServer extends Omit<TestServer, 'forget'> {
  resourceUpdated(uri: string): void;
}

const who = { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] } as const;
const region = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } as const;

/** With a tool `greet`, a tool `route` whose argument is repeated in a header, and a resource `test://modern`, which it calls public. */
export async function startModernTestServer(): Promise<ModernTestServer> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: 'modern', version: '1.0.0' },
        { capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } } },
      );
      const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] });
      server.registerTool(
        'greet',
        { description: 'Greets.', inputSchema: fromJsonSchema<{ who: string }>(who) },
        async (args) => text(`modern greets ${args.who}`),
      );
      server.registerTool(
        'route',
        { inputSchema: fromJsonSchema<{ region?: string }>(region as never) },
        async (args) => text(`routed to ${args.region}`),
      );
      const cacheHint = { ttlMs: 60_000, cacheScope: 'public' as const };
      server.registerResource('modern', 'test://modern', { cacheHint }, async (uri) => ({
        contents: [{ uri: uri.href, text: 'm' }],
      }));
      return server;
    },
    { legacy: 'reject' },
  );
  const requests: ModernTestServer['requests'] = [];
  const serve = async (request: Request): Promise<Response> => {
    const body = await request.clone().text();
    requests.push({ method: request.method, headers: Object.fromEntries(request.headers), body });
    return handler.fetch(request);
  };
  const http = createServer(getRequestListener(serve, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    resourceUpdated: (uri) => handler.notify.resourceUpdated(uri),
    async close() {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
