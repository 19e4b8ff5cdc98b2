import { mkdtempSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEgressClient, type EgressClient, type EgressRequest } from './egress.ts';
import { openEnvelope } from './envelope.ts';

const folder = mkdtempSync(join(tmpdir(), 'chy-egress-'));
const socketPath = join(folder, 'e.sock');
type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;
let handle: Handler;
let connections = 0;
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => handle(request, response, body));
});
server.on('connection', () => connections++);
let client: EgressClient;

beforeAll(() => new Promise<void>((resolve) => server.listen(socketPath, resolve)));
beforeEach(() => {
  client?.close();
  client = createEgressClient(socketPath);
});
afterAll(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const base: EgressRequest = {
  cluster: 'mcp.a.1',
  path: '/mcp',
  method: 'POST',
  body: '{"é":1}',
  idempotent: false,
  deadlineMs: 5_000,
};
const reply =
  (status: number, type: string, ...chunks: (string | Buffer)[]): Handler =>
  (_, response) => {
    response.writeHead(status, { ...(type === '' ? {} : { 'content-type': type }), 'mcp-session-id': 's1' });
    for (const chunk of chunks) response.write(chunk);
    response.end();
  };
const RESPONSE = '{"jsonrpc":"2.0","id":1,"result":{"ä":1}}';
const message = JSON.parse(RESPONSE);

describe('what a backend is sent', () => {
  const sent = async (over: Partial<EgressRequest>) => {
    let seen: {
      method: string | undefined;
      url: string | undefined;
      headers: http.IncomingHttpHeaders;
      body: string;
    } | null = null;
    handle = (request, response, body) => {
      seen = { method: request.method, url: request.url, headers: request.headers, body };
      response.writeHead(202).end();
    };
    const { body: _, ...rest } = base;
    expect(
      (
        await client.send(
          'body' in over ? { ...base, ...over } : { ...(over.method === 'DELETE' ? rest : base), ...over },
        )
      ).ok,
    ).toBe(true);
    return seen!;
  };

  test('a message, whole, to its cluster', async () => {
    const { headers, ...rest } = await sent({});
    expect(rest).toEqual({ method: 'POST', url: '/mcp', body: '{"é":1}' });
    expect(headers).toMatchObject({
      host: 'localhost',
      'x-chancery-cluster': 'mcp.a.1',
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'content-length': '8',
    });
    expect(Object.keys(headers)).not.toContain('mcp-session-id');
    expect(Object.keys(headers)).not.toContain('x-chancery-idempotent');
  });

  test('the session, and that it may be repeated', async () => {
    const { headers } = await sent({
      sessionId: 's',
      idempotent: true,
      protocolVersion: '2025-06-18',
      headers: { traceparent: 't' },
    });
    expect(headers).toMatchObject({
      'mcp-session-id': 's',
      'x-chancery-idempotent': '1',
      'mcp-protocol-version': '2025-06-18',
      traceparent: 't',
    });
    expect(headers['x-chancery-fresh']).toBeUndefined();
  });

  test('a replica without a session, which must not reach the backend', async () => {
    const { headers } = await sent({ replica: '127.0.0.1:7' });
    expect(headers['x-chancery-fresh']).toBe('1');
    expect(openEnvelope(String(headers['mcp-session-id']))).toEqual({ address: '127.0.0.1:7', sessionId: 'fresh' });
  });

  test('an end without a body', async () => {
    const { headers, method, body } = await sent({ method: 'DELETE', sessionId: 's' });
    expect({ method, body }).toEqual({ method: 'DELETE', body: '' });
    expect(headers['content-type']).toBeUndefined();
  });

  test('headers that are given do not replace those that choose the backend', async () => {
    const { headers } = await sent({ headers: { host: 'evil', 'x-chancery-cluster': 'mcp.b.1' } });
    expect(headers).toMatchObject({ host: 'localhost', 'x-chancery-cluster': 'mcp.a.1' });
  });
});

describe('an answer', () => {
  test.each<[string, Handler, object]>([
    ['in JSON', reply(200, 'application/json', RESPONSE), { ok: true, status: 200, sessionId: 's1', message }],
    ['in JSON with a charset', reply(200, 'Application/JSON; charset=utf-8', RESPONSE), { ok: true, message }],
    ['of nothing', reply(202, ''), { ok: true, status: 202, message: null }],
    [
      'as an event',
      reply(200, 'text/event-stream', `event: message\ndata: ${RESPONSE}\n\n`),
      { ok: true, sessionId: 's1', message },
    ],
    [
      'as an event, cut within a character, after what the server asks and tells',
      (_, response) => {
        const bytes = Buffer.from(
          `: hi\n\ndata: {"method":"x"}\n\ndata:\n\ndata: no json\n\ndata: ${RESPONSE}\r\n\r\n`,
        );
        const at = bytes.indexOf('ä') + 1;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(bytes.subarray(0, at));
        response.write(bytes.subarray(at));
      },
      { ok: true, sessionId: '', message },
    ],
    [
      'that is an error of JSON-RPC',
      reply(200, 'application/json', '{"id":1,"error":{"code":1}}'),
      { ok: true, message: { id: 1, error: { code: 1 } } },
    ],
    [
      'that is not found',
      reply(404, 'application/json', '{"x":1}'),
      { ok: false, status: 404, why: 'status', detail: 'HTTP 404: {"x":1}' },
    ],
    [
      'that refuses with a JSON-RPC error, which is kept',
      reply(400, 'application/json', '{"id":1,"error":{"code":-32022}}'),
      { ok: false, status: 400, why: 'status', error: { code: -32022 } },
    ],
    ['that leads elsewhere', reply(307, ''), { ok: false, status: 307, why: 'status' }],
    [
      'in HTML',
      reply(200, 'text/html', '<html>'),
      { ok: false, why: 'content_type', detail: 'found "text/html", wanted application/json or text/event-stream' },
    ],
    ['in no JSON', reply(200, 'application/json', '{'), { ok: false, why: 'malformed' }],
    ['in an array', reply(200, 'application/json', '[]'), { ok: false, why: 'malformed' }],
    [
      'in a stream that ends without it',
      reply(200, 'text/event-stream', 'data: {"method":"x"}\n\n'),
      { ok: false, why: 'no_answer' },
    ],
    [
      'that is cut off',
      (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()),
      { ok: false, why: 'unreachable' },
    ],
    ['that never begins', (_, response) => void response.destroy(), { ok: false, status: 0, why: 'unreachable' }],
  ])('%s', async (_, handler, wanted) => {
    handle = handler;
    expect(await client.send(base)).toMatchObject(wanted);
  });

  test.each([
    ['in JSON', 'application/json', Buffer.alloc(1024 * 1024, ' ')],
    ['in one event', 'text/event-stream', Buffer.alloc(1024 * 1024, 'data: 78901234\n')],
    ['in one line', 'text/event-stream', Buffer.alloc(1024 * 1024, 'd')],
    ['in many events', 'text/event-stream', Buffer.alloc(1024 * 1024, 'data: 7890123\n\n')],
    ['that is an error', 'text/plain', Buffer.alloc(1024 * 1024, 'x')],
  ])('that is too large ends the request: %s', async (_, type, chunk) => {
    let sent = 0;
    const closed = new Promise<void>((resolve) => {
      handle = (_request, response) => {
        response.writeHead(type === 'text/plain' ? 500 : 200, { 'content-type': type });
        const more = (): void => {
          if (response.destroyed || sent > 64) return;
          sent++;
          response.write(chunk, more);
        };
        response.on('close', () => resolve());
        more();
      };
    });
    expect(await client.send(base)).toMatchObject({ ok: false, why: 'too_large' });
    await closed;
    expect(sent).toBeLessThan(40);
  });
});

test.each([
  ['its events have ids', 'id: 1\ndata: \n\nid: 2\ndata: {"result":{}}\n\n', true],
  ['only its answer has one', 'id: 0\ndata: {"result":{}}\n\n', true],
  ['none has one', 'data: {"result":{}}\n\n', undefined],
  ['its ids are empty, which is none', 'id\ndata: {"result":{}}\n\n', undefined],
])('a stream tells whether one could go on with it: %s', async (_, events, eventIds) => {
  handle = (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events);
  const answer = await client.send(base);
  expect(answer.ok && answer.eventIds).toBe(eventIds);
});

describe('what cannot be sent is a value as well', () => {
  test.each<[string, Partial<EgressRequest>]>([
    ['a path with a space', { path: '/a b' }],
    ['a session with a line break', { sessionId: 'a\nb' }],
    ['a version that no header can hold', { protocolVersion: '2025-11-25€' }],
  ])('%s', async (_, over) => {
    expect(await client.send({ ...base, ...over })).toMatchObject({ ok: false, status: 0, why: 'unreachable' });
  });

  test('a socket that nobody listens on', async () => {
    const nobody = createEgressClient(join(folder, 'nobody.sock'));
    expect(await nobody.send(base)).toMatchObject({ ok: false, status: 0, why: 'unreachable' });
    nobody.close();
  });
});

test('a backend that does not answer is given up at the deadline', async () => {
  const gone = new Promise<void>((resolve) => {
    handle = (_, response) => void response.on('close', () => resolve());
  });
  expect(await client.send({ ...base, deadlineMs: 10 })).toMatchObject({
    ok: false,
    why: 'deadline',
    detail: 'no answer within 10 ms',
  });
  await gone;
});

test('a stream that goes on after the answer is not read on', async () => {
  const gone = new Promise<void>((resolve) => {
    handle = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${RESPONSE}\n\n`);
      response.on('close', () => resolve());
    };
  });
  expect(await client.send(base)).toMatchObject({ ok: true });
  await gone;
});

test('a connection is used again after an answer that ended', async () => {
  handle = reply(200, 'application/json', RESPONSE);
  await client.send(base);
  const before = connections;
  await client.send(base);
  expect(connections).toBe(before);
});
