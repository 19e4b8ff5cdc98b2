// Decides how a test gets a legacy server whose answers are written by hand, byte for byte, where no SDK would write them so.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedCall {
  /** What the tool was called with: `params.arguments`. */
  readonly args: Readonly<Record<string, unknown>>;
  /** JSON text of the request's id. */
  readonly idText: string;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

export interface ScriptedServer {
  readonly url: string;
  readonly requests: {
    readonly method: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[];
  /** Sessions that a DELETE ended. */
  readonly deleted: string[];
  /** Forgets every session, as a restart would. */
  forget(): void;
  close(): Promise<void>;
}

export interface Script {
  readonly protocolVersion?: string;
  readonly capabilities?: object;
  /** Tools beside `play`, for a client that declared these capabilities. */
  readonly tools?: (declared: object) => readonly string[];
  /** Of the tool `play`, and of those. */
  readonly play: (call: ScriptedCall) => void;
}

/** `text`: a JSON body. */
export function asJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

/** With a tool `play` and the resources `test://scripted` and `test://other`; every other request is answered with an empty result. */
export async function startScriptedServer(name: string, script: Script): Promise<ScriptedServer> {
  const { protocolVersion = '2025-11-25', capabilities = {}, tools = () => [], play } = script;
  const requests: ScriptedServer['requests'] = [];
  const deleted: string[] = [];
  /** What the client of each declared. */
  const sessions = new Map<string, object>();
  let opened = 0;
  const results: Readonly<Record<string, object>> = {
    initialize: { protocolVersion, capabilities: { tools: {}, ...capabilities }, serverInfo: { name, version: '1' } },
    'resources/templates/list': { resourceTemplates: [] },
    'resources/list': { resources: ['scripted', 'other'].map((each) => ({ uri: `test://${each}`, name: each })) },
  };
  const answer = (incoming: IncomingMessage, response: ServerResponse, body: string): void => {
    requests.push({ method: incoming.method ?? '', headers: incoming.headers, body });
    const session = String(incoming.headers['mcp-session-id'] ?? '');
    if (session !== '' && !sessions.has(session))
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
    if (incoming.method === 'DELETE') {
      deleted.push(session);
      sessions.delete(session);
      return void response.writeHead(200).end();
    }
    if (incoming.method === 'GET') return void response.writeHead(405).end();
    const message = JSON.parse(body) as {
      id?: unknown;
      method?: string;
      params?: { arguments?: object; capabilities?: object };
    };
    if (message.id === undefined || message.method === undefined) return void response.writeHead(202).end();
    const idText = JSON.stringify(message.id);
    if (message.method === 'tools/call')
      return play({ args: (message.params?.arguments ?? {}) as ScriptedCall['args'], idText, incoming, response });
    if (message.method === 'initialize') {
      opened++;
      sessions.set(`${name}-${opened}`, message.params?.capabilities ?? {});
      response.setHeader('mcp-session-id', `${name}-${opened}`);
    }
    const listed = ['play', ...tools(sessions.get(session) ?? {})].map((each) => ({
      name: each,
      inputSchema: { type: 'object' },
    }));
    const result = JSON.stringify(
      message.method === 'tools/list' ? { tools: listed } : (results[message.method] ?? {}),
    );
    asJson(response, `{"jsonrpc":"2.0","id":${idText},"result":${result}}`);
  };
  const http = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => answer(incoming, response, Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
    deleted,
    forget: () => sessions.clear(),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
