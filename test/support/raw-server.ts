// Decides how a test gets a server whose answers are JSON texts of its own: numbers, members and ids that no library would keep.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeHeaderValue } from '../../core/mcp/header-value.ts';
import { type Message, parseMessage } from '../../core/mcp/message.ts';

export interface RawCall {
  /** Raw JSON of the request's id. */
  readonly idText: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  /** '' in no session. */
  readonly session: string;
  readonly response: ServerResponse;
}

/** The JSON text of a result; or a function, which answers by itself. */
export type RawAnswer = string | ((call: RawCall) => void);

export interface RawServerOptions {
  /** JSON text of the capabilities. */
  readonly capabilities?: string;
  readonly protocolVersion?: string;
  readonly instructions?: string;
  /** By JSON-RPC method. */
  readonly answers?: Readonly<Record<string, RawAnswer>>;
  /** By the name of the tool that is called. */
  readonly calls?: Readonly<Record<string, RawAnswer>>;
  /** What its client answers it. */
  readonly onResponse?: (session: string, body: string) => void;
  /** While true, who wants a session waits for ever. */
  readonly isStalled?: () => boolean;
  /** Of the session's GET stream; absent: there is none. */
  readonly stream?: (session: string, response: ServerResponse) => void;
}

export interface RawServer {
  readonly url: string;
  readonly requests: { readonly method: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** Bodies that came after the first `from` requests and have this in them. */
  bodies(having: string, from?: number): readonly string[];
  close(): Promise<void>;
}

const JSON_TYPE = { 'content-type': 'application/json' };
export const EVENTS_TYPE = { 'content-type': 'text/event-stream' };

export const resultOf = (idText: string, result: string): string =>
  `{"jsonrpc":"2.0","id":${idText},"result":${result}}`;
export const eventOf = (data: string, id = ''): string => `${id === '' ? '' : `id: ${id}\n`}data: ${data}\n\n`;

/** A list that nobody wrote has nothing in it. */
const EMPTY: Readonly<Record<string, string>> = {
  'tools/list': '{"tools":[]}',
  'prompts/list': '{"prompts":[]}',
  'resources/list': '{"resources":[]}',
  'resources/templates/list': '{"resourceTemplates":[]}',
};

/** Of the legacy era, with sessions `<name>-1`, `<name>-2`, … */
export async function startRawServer(name: string, options: RawServerOptions): Promise<RawServer> {
  const {
    capabilities = '{"tools":{}}',
    protocolVersion = '2025-11-25',
    instructions,
    answers = {},
    calls = {},
    onResponse,
    isStalled = () => false,
    stream,
  } = options;
  const requests: RawServer['requests'] = [];
  let sessions = 0;
  const guide = instructions === undefined ? '' : `,"instructions":${JSON.stringify(instructions)}`;
  const found = ({ method, bytes }: Message): RawAnswer => {
    if (method === 'initialize' && answers.initialize === undefined)
      return `{"protocolVersion":"${protocolVersion}","capabilities":${capabilities},"serverInfo":{"name":"${name}","version":"1"}${guide}}`;
    const { params } = JSON.parse(bytes.toString()) as { params?: { name?: string } };
    return (
      (method === 'tools/call' ? calls[params?.name ?? ''] : undefined) ?? answers[method] ?? EMPTY[method] ?? '{}'
    );
  };
  const http = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const { headers, method = '' } = incoming;
      requests.push({ method, headers, body: body.toString() });
      const session = String(headers['mcp-session-id'] ?? '');
      if (method === 'DELETE') return void response.writeHead(200).end();
      if (method === 'GET' && stream !== undefined) return stream(session, response.writeHead(200, EVENTS_TYPE));
      if (method !== 'POST') return void response.writeHead(405).end();
      const parsed = parseMessage(body);
      if (!parsed.ok) return void response.writeHead(400).end();
      if (parsed.message.kind === 'response') onResponse?.(session, body.toString());
      if (parsed.message.kind !== 'request') return void response.writeHead(202).end();
      if (parsed.message.method === 'initialize' && isStalled()) return;
      const { idText } = parsed.message;
      // "Servers MUST reject requests whose headers and body disagree" (MCP 2026-07-28, transports).
      const said = headers['mcp-method'];
      const named = headers['mcp-name'];
      const { params } = JSON.parse(body.toString()) as { params?: { name?: string; uri?: string; taskId?: string } };
      const disagrees =
        (said !== undefined && said !== parsed.message.method) ||
        (named !== undefined && decodeHeaderValue(String(named)) !== (params?.name ?? params?.uri ?? params?.taskId));
      if (disagrees)
        return void response
          .writeHead(400, JSON_TYPE)
          .end(`{"jsonrpc":"2.0","id":${idText},"error":{"code":-32020,"message":"headers and body disagree"}}`);
      const answer = found(parsed.message);
      if (typeof answer !== 'string') return answer({ idText, body: body.toString(), headers, session, response });
      const opened = parsed.message.method === 'initialize' ? { 'mcp-session-id': `${name}-${++sessions}` } : {};
      response.writeHead(200, { ...JSON_TYPE, ...opened }).end(resultOf(idText, answer));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
    bodies: (having, from = 0) =>
      requests
        .slice(from)
        .map(({ body }) => body)
        .filter((body) => body.includes(having)),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
