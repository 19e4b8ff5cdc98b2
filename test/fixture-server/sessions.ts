// Decides how the fixture serves the legacy era: an instance for each session, until the session is deleted.
import { randomUUID } from 'node:crypto';
import { type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { createEventStore } from './event-store.ts';

const SESSIONS_MAX = 1_000;
/** A client that lost its stream comes back after this. */
const RETRY_MS = 50;

export interface Sessions {
  serve(request: Request): Promise<Response>;
  close(): Promise<void>;
}

export function createSessions(build: () => McpServer): Sessions {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const open = async (): Promise<WebStandardStreamableHTTPServerTransport> => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: createEventStore(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await build().connect(transport);
    return transport;
  };
  return {
    async serve(request) {
      const id = request.headers.get('mcp-session-id');
      if (id !== null) return (await sessions.get(id)?.handleRequest(request)) ?? unknownSession();
      const transport = await open();
      const response = await transport.handleRequest(request);
      if (transport.sessionId === undefined) await transport.close();
      const [oldestId, oldest] = sessions.entries().next().value ?? [];
      if (sessions.size > SESSIONS_MAX && oldestId !== undefined) {
        sessions.delete(oldestId);
        await oldest?.close();
      }
      return response;
    },
    async close() {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map((transport) => transport.close()));
    },
  };
}

/** "The server MUST respond to requests containing that session ID with HTTP 404 Not Found" (2025-11-25, transports). */
function unknownSession(): Response {
  const error = { code: -32001, message: 'Session not found' };
  return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 404 });
}
