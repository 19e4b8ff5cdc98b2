// Decides how the tests speak MCP: two generations of the SDK, unmodified, and plain HTTP where the wire itself is tested.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export interface Seen {
  /** Every response, in order. */
  readonly responses: {
    readonly method: string;
    readonly url: string;
    readonly status: number;
    readonly headers: Headers;
  }[];
}

function watched(seen: Seen): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    seen.responses.push({
      method: init?.method ?? 'GET',
      url: String(input),
      status: response.status,
      headers: response.headers,
    });
    return response;
  };
}

export const CLIENT_INFO = { name: 'chancery-test', version: '1.0.0' };

/** @modelcontextprotocol/sdk 1.32. */
export async function connectLegacy(
  url: string,
  token: string,
): Promise<{ client: LegacyClient; transport: LegacyTransport; seen: Seen }> {
  const seen: Seen = { responses: [] };
  const transport = new LegacyTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: watched(seen),
    // By itself it gives a stream up after two attempts, which a restart on a busy machine outlasts.
    reconnectionOptions: {
      initialReconnectionDelay: 250,
      maxReconnectionDelay: 1000,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 100,
    },
  });
  const client = new LegacyClient(CLIENT_INFO);
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
  return { client, transport, seen };
}

/** @modelcontextprotocol/client 2.4; `auto` asks for the modern era first. */
export async function connectModern(
  url: string,
  token: string,
  negotiation?: 'auto',
): Promise<{ client: ModernClient; transport: ModernTransport; seen: Seen }> {
  const seen: Seen = { responses: [] };
  const transport = new ModernTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: watched(seen),
  });
  const client = new ModernClient(
    CLIENT_INFO,
    negotiation === undefined ? {} : { versionNegotiation: { mode: negotiation } },
  );
  await client.connect(transport);
  return { client, transport, seen };
}

export interface RawRequest {
  readonly method?: string;
  readonly token?: string;
  readonly session?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** One HTTP request as MCP wants it; each header can be replaced, or left out with ''. */
export function raw(
  url: string,
  { method = 'POST', token, session, headers = {}, body, signal }: RawRequest,
): Promise<Response> {
  const all: Record<string, string> = {
    accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
    ...headers,
  };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
  const text =
    body === undefined
      ? {}
      : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) };
  return fetch(url, { method, headers: kept, ...text, ...(signal !== undefined && { signal }) } as RequestInit);
}

export function request(id: number | string, method: string, params: object = {}): object {
  return { jsonrpc: '2.0', id, method, params };
}

/** Opens a session by plain HTTP; resolves to its token. */
export async function openSession(url: string, token?: string, protocolVersion = '2025-11-25'): Promise<string> {
  const params = { protocolVersion, capabilities: {}, clientInfo: CLIENT_INFO };
  const response = await raw(url, {
    ...(token === undefined ? {} : { token }),
    body: request('init', 'initialize', params),
  });
  const session = response.headers.get('mcp-session-id');
  if (response.status !== 200 || session === null)
    throw new Error(`initialize: ${response.status} ${await response.text()}`);
  await response.text();
  return session;
}

/** The JSON-RPC response in a JSON body or an event stream. */
export async function rpc(
  response: Response,
): Promise<{ id: unknown; result?: Record<string, unknown>; error?: { code: number; message: string } }> {
  const text = await response.text();
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return JSON.parse(text);
  const messages = text
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice(6))
    .filter((data) => data !== '')
    .map((data) => JSON.parse(data));
  return messages.find((message) => 'result' in message || 'error' in message);
}

/** The texts of a tool's result. */
export function texts(result: unknown): string {
  const content = (result as { content?: { type: string; text?: string }[] }).content ?? [];
  return content.map((item) => item.text ?? '').join('\n');
}
