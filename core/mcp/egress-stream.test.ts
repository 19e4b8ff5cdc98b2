import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { createEgressStreams, type StreamRequest } from './egress-stream.ts';

const folder = mkdtempSync(join(tmpdir(), 'chy-stream-'));
const socketPath = join(folder, 'e.sock');
let handle: (request: IncomingMessage, response: ServerResponse) => void;
const server = http.createServer((request, response) => handle(request, response));
beforeAll(() => new Promise<void>((resolve) => server.listen(socketPath, resolve)));
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };
const EVENT = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';
const base = { cluster: 'mcp.a.1', path: '/mcp', deadlineMs: 5_000 } as const;

function listen(over: Partial<StreamRequest> = {}, at = socketPath) {
  const messages: JsonObject[] = [];
  const said = Promise.withResolvers<JsonObject>();
  const streams = createEgressStreams(at);
  const onMessage = (message: JsonObject): void => {
    messages.push(message);
    said.resolve(message);
  };
  return { messages, said: said.promise, streams, stream: streams.open({ ...base, onMessage, ...over }) };
}

test('a GET names cluster, session and version, and gives each message until the server ends it', async () => {
  let seen: IncomingMessage | undefined;
  handle = (request, response) => {
    seen = request;
    response.writeHead(200, SSE);
    response.write(`: hello\n\nid: 1\ndata:\n\n${EVENT.slice(0, 30)}`);
    response.end(`${EVENT.slice(30)}data: no json\n\n${EVENT}`);
  };
  const { stream, messages } = listen({ sessionId: 's', protocolVersion: '2025-11-25' });
  expect(await stream.opened).toBe(true);
  expect(await stream.ended).toEqual({ why: 'ended', status: 200 });
  expect(messages).toHaveLength(2);
  expect(seen).toMatchObject({
    method: 'GET',
    url: '/mcp',
    headers: {
      'x-chancery-cluster': 'mcp.a.1',
      'mcp-session-id': 's',
      'mcp-protocol-version': '2025-11-25',
      accept: 'application/json, text/event-stream',
    },
  });
  // It lasts for as long as it likes, so nothing may be repeated behind its back.
  expect(seen?.headers['x-chancery-idempotent']).toBeUndefined();
});

test('a request that is answered by a stream is a POST', async () => {
  handle = (request, response) => {
    request.resume();
    expect(request.method).toBe('POST');
    response.writeHead(200, SSE);
    response.end(EVENT);
  };
  const { stream, messages } = listen({ body: '{"id":1}', headers: { 'mcp-method': 'subscriptions/listen' } });
  expect(await stream.ended).toMatchObject({ why: 'ended' });
  expect(messages).toHaveLength(1);
});

test.each<[string, number, Record<string, string>]>([
  ['405: there is none', 405, {}],
  ['404: the session is gone', 404, { 'content-type': 'application/json' }],
  ['a redirect, which is not followed', 302, { location: 'http://127.0.0.1:1/secret' }],
  ['a web page', 200, { 'content-type': 'text/html' }],
  ['202', 202, SSE],
  ['no content type', 200, {}],
])('what answers is no stream: %s', async (_, status, headers) => {
  let requests = 0;
  handle = (_request, response) => {
    requests += 1;
    response.writeHead(status, headers).end('x');
  };
  const { stream } = listen();
  expect(await stream.opened).toBe(false);
  expect(await stream.ended).toEqual({ why: 'refused', status });
  expect(requests).toBe(1);
});

test.each<[string, string]>([
  ['one event has too many bytes', `data: ${'x'.repeat(LIMITS.streamEventBytesMax + 1)}`],
  ['all have too many', `: ${'x'.repeat(1000)}\n\n`.repeat(LIMITS.streamBytesMax / 1000)],
])('a stream ends when %s, and its connection with it', async (_, text) => {
  const closed = Promise.withResolvers<void>();
  handle = (_request, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, SSE);
    response.write(text);
  };
  const { stream } = listen();
  expect(await stream.ended).toEqual({ why: 'too_large', status: 200 });
  await closed.promise;
});

test('an answer must begin in time, and may then take its own', async () => {
  handle = () => {};
  const late = listen({ deadlineMs: 20 });
  expect(await late.stream.opened).toBe(false);
  expect(await late.stream.ended).toEqual({ why: 'deadline', status: 0 });

  let held: ServerResponse | undefined;
  handle = (_request, response) => {
    held = response;
    response.writeHead(200, SSE).flushHeaders();
  };
  const slow = listen({ deadlineMs: 200 });
  await slow.stream.opened;
  await once(AbortSignal.timeout(250), 'abort');
  for (const byte of EVENT) held?.write(byte);
  expect(await slow.said).toMatchObject({ method: 'notifications/tools/list_changed' });
  slow.stream.close();
});

test('a stream that is closed ends its connection and says nothing more', async () => {
  const closed = Promise.withResolvers<void>();
  handle = (_request, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, SSE);
    response.write(EVENT + EVENT);
  };
  const { stream, streams, messages, said } = listen({ onMessage: () => streams.close() });
  expect(await stream.ended).toEqual({ why: 'closed', status: 200 });
  await closed.promise;
  expect(messages).toEqual([]);
  said.catch(() => {});
});

test('a connection that breaks is an end', async () => {
  handle = (_request, response) => {
    response.writeHead(200, SSE);
    response.write(EVENT, () => response.socket?.destroy());
  };
  const { stream } = listen();
  expect(await stream.ended).toEqual({ why: 'ended', status: 200 });
});

test.each<[string, Partial<StreamRequest>, string?]>([
  ['nobody listens', {}, join(folder, 'none.sock')],
  ['a path that no request can have', { path: '/a b\n' }],
  ['a header that no request can have', { sessionId: 'a\nb' }],
])('a server that cannot be asked is an end: %s', async (_, over, at) => {
  const { stream } = listen(over, at);
  expect(await stream.opened).toBe(false);
  expect(await stream.ended).toEqual({ why: 'unreachable', status: 0 });
});
