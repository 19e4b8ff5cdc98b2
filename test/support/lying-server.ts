// Decides how a server looks that is registered like any other, and then answers calls as no server should.
import { createServer, type ServerResponse } from 'node:http';

/** What a tool does with the call that it is given; `id`: raw JSON of the request's id. */
export type Lie = (call: { readonly id: string; readonly response: ServerResponse }) => void;

export interface LyingServer {
  readonly url: string;
  /** Calls that it has not ended and whose caller has not left, by tool. */
  open(tool: string): number;
  /** It knows its sessions no more. */
  forget(): void;
  close(): Promise<void>;
}

const VERSION = '2025-11-25';
const EVENTS = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };

export const answer = (id: string, text: string): string =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"${text}"}]}}`;
export const event = (data: string): string => `data: ${data}\n\n`;

/** Tools whose calls are answered as `lies` say, and one, `truth`, that is answered as it should be. */
export async function startLyingServer(lies: Readonly<Record<string, Lie>>): Promise<LyingServer> {
  const sessions = new Set<string>();
  const open = new Map<string, number>();
  let count = 0;
  const tools = ['truth', ...Object.keys(lies)].map((name) => ({ name, inputSchema: { type: 'object' } }));
  const result = (response: ServerResponse, id: unknown, value: object, headers: object = {}): void => {
    response.writeHead(200, { ...JSON_TYPE, ...headers });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: value }));
  };
  const call = (name: string, id: string, response: ServerResponse): void => {
    open.set(name, (open.get(name) ?? 0) + 1);
    response.once('close', () => open.set(name, (open.get(name) ?? 0) - 1));
    const lie = lies[name];
    if (lie !== undefined) return lie({ id, response });
    response.writeHead(200, JSON_TYPE);
    response.end(answer(id, 'the truth'));
  };
  const http = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const session = incoming.headers['mcp-session-id'];
      if (incoming.method !== 'POST') return void response.writeHead(405).end();
      const text = Buffer.concat(chunks).toString();
      const { id, method, params } = JSON.parse(text) as { id?: unknown; method?: string; params?: { name?: string } };
      if (method === 'initialize') {
        const fresh = `lying-${count++}`;
        sessions.add(fresh);
        const value = {
          protocolVersion: VERSION,
          capabilities: { tools: {} },
          serverInfo: { name: 'lying', version: '1.0.0' },
        };
        return result(response, id, value, { 'mcp-session-id': fresh });
      }
      if (typeof session !== 'string' || !sessions.has(session)) {
        response.writeHead(404, JSON_TYPE);
        return void response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      }
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'tools/list') return result(response, id, { tools });
      if (method === 'tools/call') return call(params?.name ?? '', JSON.stringify(id), response);
      result(response, id, {});
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  return {
    url: typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}/mcp` : '',
    open: (tool) => open.get(tool) ?? 0,
    forget: () => sessions.clear(),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

/** One for each way in which an answer can be wrong. */
export const LIES = {
  wrong_id: ({ response }) => void response.writeHead(200, JSON_TYPE).end(answer('"another"', 'for whom?')),
  wrong_id_event: ({ response }) => void response.writeHead(200, EVENTS).end(event(answer('"another"', 'for whom?'))),
  twice: ({ id, response }) =>
    void response.writeHead(200, EVENTS).end(event(answer(id, 'first')) + event(answer(id, 'second'))),
  // Words without an answer, for as long as somebody takes them.
  endless: ({ response }) => {
    response.writeHead(200, EVENTS);
    const word = event(
      `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${'x'.repeat(16_000)}"}}`,
    );
    pour(response, word);
  },
  // A line that never ends, in an event.
  long_line: ({ response }) => {
    response.writeHead(200, EVENTS).write('data: {"jsonrpc":"2.0","method":"');
    pour(response, 'x'.repeat(64 * 1024));
  },
  // A JSON body that never ends.
  long_body: ({ id, response }) => {
    response.writeHead(200, JSON_TYPE).write(`{"jsonrpc":"2.0","id":${id},"result":{"text":"`);
    pour(response, 'x'.repeat(64 * 1024));
  },
  invalid_utf8: ({ id, response }) => {
    const [head = '', tail = ''] = answer(id, '#').split('#');
    response.writeHead(200, JSON_TYPE);
    response.end(Buffer.concat([Buffer.from(head), Buffer.from([0xff, 0xfe]), Buffer.from(tail)]));
  },
  invalid_utf8_event: ({ id, response }) => {
    const [head = '', tail = ''] = event(answer(id, '#')).split('#');
    response.writeHead(200, EVENTS);
    response.end(Buffer.concat([Buffer.from(head), Buffer.from([0xff, 0xfe]), Buffer.from(tail)]));
  },
  early_close: ({ response }) => void response.socket?.destroy(),
  early_close_body: ({ id, response }) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': '1000' });
    response.write(`{"jsonrpc":"2.0","id":${id},`, () => response.socket?.destroy());
  },
  early_close_event: ({ id, response }) => {
    response.writeHead(200, EVENTS);
    response.write(`data: {"jsonrpc":"2.0","id":${id},`, () => response.socket?.destroy());
  },
  // In good order, but without an answer.
  no_answer: ({ response }) => void response.writeHead(200, EVENTS).end(),
  empty: ({ response }) => void response.writeHead(200, JSON_TYPE).end(),
  no_json: ({ response }) => void response.writeHead(200, JSON_TYPE).end('{"jsonrpc":'),
  wrong_type: ({ response }) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>'),
  status_500: ({ response }) => void response.writeHead(500, { 'content-type': 'text/plain' }).end('at line 1'),
  status_500_json: ({ id, response }) =>
    void response
      .writeHead(500, JSON_TYPE)
      .end(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32603,"message":"broken"}}`),
  status_401: ({ response }) => void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
  status_401_json: ({ id, response }) =>
    void response
      .writeHead(401, { ...JSON_TYPE, 'www-authenticate': 'Bearer resource_metadata="http://127.0.0.1:9/"' })
      .end(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":"who are you?"}}`),
  status_503_json: ({ id, response }) =>
    void response
      .writeHead(503, JSON_TYPE)
      .end(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32003,"message":"later"}}`),
  status_307: ({ response }) => void response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
  // One character now and then, and never a whole message.
  slow: ({ response }) => {
    response.writeHead(200, EVENTS).write('data: {');
    const timer = setInterval(() => response.write(' '), 20).unref();
    response.once('close', () => clearInterval(timer));
  },
  // Not even a status.
  silent: () => undefined,
} as const satisfies Record<string, Lie>;

/** As fast as it is taken, until the reader leaves. */
function pour(response: ServerResponse, text: string): void {
  const more = (): void => {
    while (!response.destroyed && response.write(text));
    if (!response.destroyed) response.once('drain', () => setImmediate(more));
  };
  more();
}
