// Decides what a client that does not read its answer can make Envoy hold, in each lane whose answers ext-proc writes, over both HTTP versions.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERRORS } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { CLIENT_INFO, openSession, raw, request } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served } from '../support/federation.ts';
import { EVENTS_TYPE, eventOf, type RawServer, startRawServer } from '../support/raw-server.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const MIB = 1024 * 1024;
/** 96 MiB, three times what an answer may be; and a third of it, four times what a stream of notifications may be. */
const FLOOD_EVENTS = 3_000;
const TOLD_EVENTS = 1_000;
const bulk = 'x'.repeat(32 * 1024);
/** What is on its way in sockets and windows, and what Envoy needs besides. */
const SLACK_BYTES = 24 * MIB;

interface Flood {
  poured: number;
  closed: boolean;
}
const floods: Flood[] = [];
const streams: Flood[] = [];

function pour(into: Flood[], response: ServerResponse, from: number, events: number, withIds: boolean): void {
  const flood = { poured: from, closed: false };
  into.push(flood);
  response.once('close', () => {
    flood.closed = true;
  });
  const more = (): void => {
    while (flood.poured < events && !flood.closed) {
      const data = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${flood.poured} ${bulk}"}}`;
      const event = eventOf(data, withIds ? `n-${flood.poured}` : '');
      flood.poured++;
      if (!response.write(event)) return void response.once('drain', more);
    }
  };
  more();
}

let stack: Stack;
let alpha: RawServer;
let beta: RawServer;
let token: string;
beforeAll(async () => {
  const capabilities = '{"tools":{},"logging":{}}';
  const tools = '{"tools":[{"name":"flood","inputSchema":{"type":"object"}}]}';
  const gets = () => alpha.requests.filter(({ method }) => method === 'GET');
  [alpha, beta, stack] = await Promise.all([
    startRawServer('alpha', {
      capabilities,
      answers: { 'tools/list': tools },
      calls: {
        flood: ({ response }) => pour(floods, response.writeHead(200, EVENTS_TYPE), 0, FLOOD_EVENTS, false),
      },
      stream: (_, response) => {
        const last = gets().at(-1)?.headers['last-event-id'];
        // The control plane listens as well, without an end.
        if (!flooding) return void response.flushHeaders();
        pour(streams, response, last === undefined ? 0 : Number(String(last).slice(2)) + 1, TOLD_EVENTS, true);
      },
    }),
    startRawServer('beta', { capabilities, answers: { 'tools/list': tools } }),
    startStack({ example: '' }),
  ]);
  await put(stack, '/v1/policies/base', ALLOW_ALL);
  await declare(stack, { alpha: alpha.url, beta: beta.url });
  await put(stack, '/v1/surfaces/default', { servers: [{ server: 'alpha' }, { server: 'beta' }] });
  await served(stack, 'default', 'beta__flood');
  token = await stack.token();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([alpha?.close(), beta?.close()]);
});
let flooding = false;

/** Bytes that Envoy has allocated. */
async function envoyBytes(): Promise<number> {
  const socketPath = join(stack.home, 'run', 'envoy-admin.sock');
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    http.get({ socketPath, path: '/memory', headers: { host: 'x' } }, resolve).once('error', reject);
  });
  let text = '';
  for await (const chunk of response) text += chunk;
  return Number((JSON.parse(text) as { allocated: string }).allocated);
}

/** A request whose answer nobody reads yet. */
async function opened(protocol: string, headers: Record<string, string>, body: string | null): Promise<Readable> {
  const method = body === null ? 'GET' : 'POST';
  const all = {
    authorization: `Bearer ${token}`,
    accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
    ...(body !== null && { 'content-type': 'application/json' }),
    ...headers,
  };
  if (protocol === 'HTTP/1.1')
    return new Promise((resolve, reject) => {
      http
        .request(stack.mcp(), { method, headers: all, agent: false }, resolve)
        .once('error', reject)
        .end(body ?? '');
    });
  const session = http2.connect(stack.gateway);
  const stream = session.request({ ':method': method, ':path': '/mcp', ...all });
  stream.once('close', () => session.close());
  stream.end(body ?? undefined);
  await new Promise((resolve, reject) => void stream.once('response', resolve).once('error', reject));
  return stream;
}

async function whole(readable: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of readable) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const full = { sampling: {}, elicitation: { url: {} }, roots: {} };
async function fullSession(): Promise<string> {
  const params = { protocolVersion: '2025-11-25', capabilities: full, clientInfo: CLIENT_INFO };
  const response = await raw(stack.mcp(), { token, body: request('init', 'initialize', params) });
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}
const LANES: Readonly<Record<string, () => Promise<readonly [headers: Record<string, string>, body: string]>>> = {
  composed: async () => [
    { 'mcp-session-id': await fullSession() },
    JSON.stringify(request(7, 'tools/call', { name: 'alpha__flood', arguments: {} })),
  ],
  bridged: async () => [
    { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'alpha__flood' },
    JSON.stringify(
      request(7, 'tools/call', {
        name: 'alpha__flood',
        arguments: {},
        _meta: {
          'io.modelcontextprotocol/protocolVersion': MODERN,
          'io.modelcontextprotocol/clientCapabilities': {},
          'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
          'io.modelcontextprotocol/logLevel': 'info',
        },
      }),
    ),
  ],
};

test.each(Object.keys(LANES).flatMap((lane) => ['HTTP/1.1', 'HTTP/2'].map((protocol) => [lane, protocol] as const)))(
  'an answer that is %s ends where it is too long, over %s',
  async (lane, protocol) => {
    const [headers, body] = await LANES[lane]!();
    const before = await envoyBytes();
    const count = floods.length;
    const answer = await opened(protocol, headers, body);
    const flood = await until(
      'its server is left',
      () => floods[count],
      (found) => found?.closed === true,
    );
    expect(flood!.poured).toBeLessThan(FLOOD_EVENTS);
    expect((await envoyBytes()) - before).toBeLessThan(LIMITS.composedAnswerBytesMax + SLACK_BYTES);
    const text = await whole(answer);
    expect(text.length).toBeLessThan(LIMITS.composedAnswerBytesMax + MIB);
    const { rpc: code, message } = ERRORS.answer_too_large;
    const last = text.trimEnd().split('\n').at(-1)?.replace('data: ', '') ?? '';
    expect(JSON.parse(last)).toEqual({ jsonrpc: '2.0', id: 7, error: { code, message } });
  },
);

test.each(['HTTP/1.1', 'HTTP/2'])(
  'a stream of notifications is read in parts, and nothing is lost, over %s',
  async (protocol) => {
    const session = await openSession(stack.mcp(), token);
    const numbers: number[] = [];
    let lastEventId = '';
    let parts = 0;
    flooding = true;
    for (; numbers.length < TOLD_EVENTS; parts++) {
      const count = streams.length;
      const before = await envoyBytes();
      const headers = { 'mcp-session-id': session, ...(lastEventId !== '' && { 'last-event-id': lastEventId }) };
      const answer = await opened(protocol, headers, null);
      await until(
        'its server is left, or has said all',
        () => streams[count],
        (found) => found?.closed === true || found?.poured === TOLD_EVENTS,
      );
      expect((await envoyBytes()) - before).toBeLessThan(LIMITS.listenedBytesMax + SLACK_BYTES);
      let rest = '';
      for await (const chunk of answer) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line.startsWith('id: ')) lastEventId = line.slice(4);
          const number = /"data":"(\d+) x/.exec(line)?.[1];
          if (number !== undefined) numbers.push(Number(number));
        }
        if (numbers.length === TOLD_EVENTS) break;
      }
    }
    flooding = false;
    expect(numbers).toEqual(Array.from({ length: TOLD_EVENTS }, (_, index) => index));
    expect(parts).toBeGreaterThan(3);
  },
);
