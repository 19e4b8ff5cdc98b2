import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type CallEnd,
  type CallEvent,
  type CallHead,
  type CallRequest,
  createEgressCalls,
  type EgressCall,
} from './egress-call.ts';

const folder = mkdtempSync(join(tmpdir(), 'chy-call-'));
const socketPath = join(folder, 'e.sock');
let handle: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: string) => void;
let sessions = 0;
const server = http2.createServer();
server.on('session', (session) => {
  sessions++;
  session.on('error', () => {});
});
const sockets: Socket[] = [];
server.on('connection', (socket: Socket) => void sockets.push(socket));
server.on('stream', (stream, headers) => {
  let body = '';
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  stream.on('end', () => handle(stream, headers, body));
});
const calls = createEgressCalls(socketPath);
beforeAll(() => new Promise<void>((resolve) => server.listen(socketPath, resolve)));
beforeEach(() => {
  sessions = 0;
});
afterAll(async () => {
  calls.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(folder, { recursive: true });
});

const SSE = { ':status': 200, 'content-type': 'text/event-stream; charset=utf-8', 'mcp-session-id': 's1' };
const JSON_TYPE = { ':status': 200, 'content-type': 'application/json' };

interface Made {
  readonly call: EgressCall;
  readonly heads: CallHead[];
  readonly events: CallEvent[];
  readonly ended: Promise<CallEnd>;
}
function make(over: Partial<CallRequest> = {}, through = calls): Made {
  const heads: CallHead[] = [];
  const events: CallEvent[] = [];
  const ended = Promise.withResolvers<CallEnd>();
  const call = through.open({
    cluster: 'mcp.a.1',
    path: '/mcp',
    method: 'POST',
    body: '{"é":1}',
    deadlineMs: 5_000,
    onOpen: (head) => void heads.push(head),
    onEvent: (event) => void events.push(event),
    onEnd: ended.resolve,
    ...over,
  });
  return { call, heads, events, ended: ended.promise };
}

describe('a call', () => {
  test('names cluster, session and version, and gives each event until the backend ends it', async () => {
    let seen: IncomingHttpHeaders = {};
    let read = '';
    handle = (stream, headers, body) => {
      [seen, read] = [headers, body];
      stream.respond(SSE);
      stream.write('id: 1\nretry: 7\ndata:\n\n: keep\n\ndata: {"a":\r\nda');
      stream.end('ta: 1}\r\n\r\n');
    };
    const { heads, events, ended } = make({ sessionId: 's', protocolVersion: '2025-11-25' });
    expect(await ended).toBe('ended');
    expect(heads).toEqual([{ status: 200, contentType: 'text/event-stream', sessionId: 's1' }]);
    expect(events).toEqual([
      { data: '', id: '1', retry: 7 },
      { data: '{"a":\n1}', id: '1' },
    ]);
    expect(read).toBe('{"é":1}');
    expect(seen).toMatchObject({
      ':method': 'POST',
      ':path': '/mcp',
      'x-chancery-cluster': 'mcp.a.1',
      'mcp-session-id': 's',
      'mcp-protocol-version': '2025-11-25',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    });
    expect(seen).not.toHaveProperty('x-chancery-idempotent');
  });

  test('may be a GET that comes back for what it missed', async () => {
    let seen: IncomingHttpHeaders = {};
    handle = (stream, headers) => {
      seen = headers;
      stream.respond({ ':status': 405 }, { endStream: true });
    };
    const { body: _, ...get } = { body: '' };
    const { heads, ended } = make({ ...get, method: 'GET', body: undefined as never, lastEventId: 'e9' });
    expect(await ended).toBe('content_type');
    expect(heads[0]?.status).toBe(405);
    expect(seen).toMatchObject({ ':method': 'GET', accept: 'text/event-stream', 'last-event-id': 'e9' });
    expect(seen).not.toHaveProperty('content-type');
  });

  test.each<[string, (stream: ServerHttp2Stream) => void, CallEnd, readonly CallEvent[]]>([
    [
      'a JSON body, in one event',
      (s) => (s.respond(JSON_TYPE), s.write('{"a"'), s.end(':1}')),
      'ended',
      [{ data: '{"a":1}' }],
    ],
    ['a refusal in JSON', (s) => (s.respond({ ...JSON_TYPE, ':status': 404 }), s.end('{}')), 'ended', [{ data: '{}' }]],
    ['nothing', (s) => s.respond({ ':status': 202 }, { endStream: true }), 'ended', []],
    ['a page', (s) => (s.respond({ ':status': 200, 'content-type': 'text/html' }), s.end('<p>')), 'content_type', []],
    [
      'an event stream with a status that has none',
      (s) => (s.respond({ ...SSE, ':status': 500 }), s.end('data: a\n\n')),
      'content_type',
      [],
    ],
    ['an event that is too large', (s) => (s.respond(SSE), s.write(`data: ${'x'.repeat(2000)}`)), 'too_large', []],
    ['a body that is too large', (s) => (s.respond(JSON_TYPE), s.write('x'.repeat(2000))), 'too_large', []],
    [
      'bytes that are no UTF-8',
      (s) => (s.respond(SSE), s.write(Buffer.from('data: \xff\n\n', 'latin1'))),
      'malformed',
      [],
    ],
    [
      'an event, and in one piece with it bytes that are no UTF-8',
      (s) => (s.respond(SSE), s.write(Buffer.from('data: a\n\ndata: \xff\n\n', 'latin1'))),
      'malformed',
      [{ data: 'a' }],
    ],
    [
      'an answer that breaks off',
      (s) => (s.respond(SSE), s.write('data: a\n\n', () => s.destroy(new Error('broke off')))),
      'reset',
      [{ data: 'a' }],
    ],
    ['no answer', (s) => s.close(2), 'unreachable', []],
  ])('that is answered with %s', async (_, answer, why, events) => {
    handle = answer;
    const made = make({ eventBytesMax: 1000 });
    expect(await made.ended).toBe(why);
    expect(made.events).toEqual(events);
  });

  test('that was refused before anybody looked at it is made once more, and once only', async () => {
    let tries = 0;
    handle = (stream) => {
      tries++;
      if (tries % 2 === 1) return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      stream.respond(JSON_TYPE);
      stream.end('{}');
    };
    expect(await make().ended).toBe('ended');
    handle = (stream) => {
      tries++;
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    };
    tries = 0;
    expect(await make().ended).toBe('unreachable');
    expect(tries).toBe(2);
  });

  test('that is not answered in time, or cannot be made, ends', async () => {
    handle = () => {};
    expect(await make({ deadlineMs: 1 }).ended).toBe('deadline');
    expect(await make({ path: '/\n' }).ended).toBe('unreachable');
    const nowhere = createEgressCalls(join(folder, 'none.sock'));
    expect(await make({}, nowhere).ended).toBe('unreachable');
    nowhere.close();
  });

  test('that is closed is seen to leave, and is told nothing more', async () => {
    const left = Promise.withResolvers<void>();
    handle = (stream) => {
      stream.on('close', () => left.resolve());
      stream.respond(SSE);
      stream.write('data: a\n\n');
    };
    const first = Promise.withResolvers<void>();
    let told = 0;
    const { call } = make({
      onEvent: () => first.resolve(),
      onEnd: () => {
        told++;
      },
    });
    await first.promise;
    call.close();
    await left.promise;
    call.close();
    expect(told).toBe(0);
  });

  test('that is paused takes no more than a window, holds up no other, and gets the rest later', async () => {
    const total = 3_000_000;
    handle = (stream, headers) => {
      stream.respond(SSE);
      if (headers['mcp-session-id'] === 'other') return void stream.end('data: b\n\n');
      const line = `data: ${'x'.repeat(10_000)}\n\n`;
      for (let bytes = 0; bytes < total; bytes += 10_000) stream.write(line);
      stream.end();
    };
    const paused: Made = make({
      sessionId: 'paused',
      onOpen: () => paused.call.pause(),
    });
    expect(await make({ sessionId: 'other' }).ended).toBe('ended');
    expect(await make({ sessionId: 'other' }).ended).toBe('ended');
    const before = paused.events.length;
    expect(before).toBeLessThan(100);
    paused.call.resume();
    expect(await paused.ended).toBe('ended');
    expect(paused.events).toHaveLength(total / 10_000);
  });
});

test('many calls share a connection, and a connection that is gone is replaced', async () => {
  const streams: ServerHttp2Stream[] = [];
  handle = (stream) => {
    streams.push(stream);
    stream.respond(SSE);
    stream.write('data: a\n\n');
  };
  const own = createEgressCalls(socketPath);
  const begun = Array.from({ length: 100 }, () => {
    const first = Promise.withResolvers<void>();
    return { ...make({ onEvent: () => first.resolve() }, own), first: first.promise };
  });
  await Promise.all(begun.map(({ first }) => first));
  expect(sessions).toBe(1);
  const gone = once(streams[0]!.session!, 'close');
  sockets.at(-1)!.destroy();
  await gone;
  expect(new Set(await Promise.all(begun.map(({ ended }) => ended)))).toEqual(new Set(['reset']));
  handle = (stream) => stream.respond({ ':status': 202 }, { endStream: true });
  expect(await make({}, own).ended).toBe('ended');
  expect(sessions).toBe(2);
  own.close();
});
