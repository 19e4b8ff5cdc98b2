// Decides how many servers answer as one process: each on a Unix socket of its own, with its tools and, one of them, late.
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** What its starter may ask; it is answered with `requests`, those that came so far. */
export interface BackendsOrder {
  /** Milliseconds that the first server takes for `initialize`. */
  readonly lateMs: number;
}
export interface BackendsReport {
  readonly requests: number;
}

export const socketOf = (folder: string, index: number): string => join(folder, `b${index}.sock`);

const TOOL = {
  description:
    'Does one of the many things that a server of a company does, and says in a sentence or two what that is.',
  inputSchema: {
    type: 'object',
    properties: { id: { type: 'string', description: 'Which one.' }, limit: { type: 'integer', minimum: 1 } },
    required: ['id'],
  },
};

let requests = 0;
let lateMs = 0;
let sessions = 0;

function answer(response: ServerResponse, id: unknown, result: object, headers: object = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

function serve(index: number, tools: readonly object[], socket: string): Promise<void> {
  const http = createServer((incoming, response) => {
    requests++;
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      if (incoming.method !== 'POST') return void response.writeHead(405).end();
      const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id?: unknown; method?: string };
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'tools/list') return answer(response, id, { tools });
      if (method !== 'initialize') return answer(response, id, {});
      if (index === 0 && lateMs > 0) await pause(lateMs);
      const serverInfo = { name: `b${index}`, version: '1' };
      const session = { 'mcp-session-id': `s${index}-${++sessions}` };
      answer(response, id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo }, session);
    });
  });
  return new Promise((resolve) => http.listen(socket, resolve));
}

if (import.meta.main) {
  const [folder = '', count = '0', tools = '0'] = process.argv.slice(2);
  const list = Array.from({ length: Number(tools) }, (_, index) => ({ name: `tool_${index}`, ...TOOL }));
  await Promise.all(Array.from({ length: Number(count) }, (_, index) => serve(index, list, socketOf(folder, index))));
  const tell = (): void => void process.send?.({ requests } satisfies BackendsReport);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (order: BackendsOrder) => {
    lateMs = order.lateMs;
    tell();
  });
  tell();
}
