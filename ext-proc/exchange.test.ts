import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ERRORS } from '../core/errors.ts';
import type { Identity } from '../core/identity/verify.ts';
import { LIMITS } from '../core/limits.ts';
import type { CallRequest } from '../core/mcp/egress-call.ts';
import { type FakeStream, fakeStream } from '../test/support/ext-proc-answers.ts';
import { requestBody, requestHeaders, requestTrailers } from '../test/support/ext-proc-requests.ts';
import { apiKeyIn, ISSUER, principalOf, request, type World, worldOf } from '../test/support/ext-proc-world.ts';
import { WireMessage } from '../test/support/wire-message.ts';
import { createExchange } from './exchange.ts';

let world: World;
let stream: FakeStream;
beforeEach(() => {
  world = worldOf();
  stream = fakeStream();
});
afterEach(() => {
  world.close();
  vi.useRealTimers();
});

const POST = {
  ':method': 'POST',
  ':path': '/mcp',
  authorization: 'Bearer alice',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};
const headersOf = (
  over: Readonly<Record<string, string | undefined>> = {},
  rest: { endOfStream?: boolean; metadata?: Record<string, Record<string, string>> } = {},
): Buffer =>
  requestHeaders({
    headers: Object.entries({ ...POST, ...over }).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ...rest,
  });
const inSession = (over: Readonly<Record<string, string | undefined>> = {}, rest = {}): Buffer =>
  headersOf({ 'mcp-session-id': world.token(), ...over }, rest);
const PING = JSON.stringify(request('ping'));
const CALL = JSON.stringify(request('tools/call', { name: 'memory__read_graph' }));
const PONG = { kind: 'immediate', status: 200, body: '{"jsonrpc":"2.0","id":1,"result":{}}' };
const start = () => createExchange(stream, world.gateway);
const refused = (status: number, code: string) => ({ kind: 'immediate', status, details: `chancery_${code}` });

describe('one answer to one request', () => {
  test('a message of ours', () => {
    const exchange = start();
    exchange.message(inSession());
    expect(stream.answers, 'the answer to the headers waits for the body').toEqual([]);
    exchange.message(requestBody(PING));
    expect(stream.answers).toMatchObject([PONG]);
    exchange.halfClosed();
    expect(stream.state).toBe('ended');
    exchange.closed();
  });

  test('a call that goes on: headers, then the body to its end', () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(CALL));
    expect(stream.answers).toMatchObject([
      {
        kind: 'headers',
        set: { 'x-chancery-cluster': 'mcp.memory.1' },
        clearRouteCache: true,
        metadata: { chancery: { id: '1' } },
      },
      { kind: 'body', body: CALL.replace('memory__', ''), endOfStream: true },
    ]);
  });

  test('a call with trailers goes on with them', () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(CALL, false));
    exchange.message(requestTrailers());
    expect(stream.answers.map((answer) => [answer.kind, 'endOfStream' in answer && answer.endOfStream])).toEqual([
      ['headers', false],
      ['body', false],
      ['trailers', false],
    ]);
  });

  test('a body in any two chunks, with empty ones between, is the same', () => {
    for (let at = 0; at <= PING.length; at++) {
      stream = fakeStream();
      const exchange = start();
      exchange.message(inSession());
      exchange.message(requestBody(PING.slice(0, at), false));
      exchange.message(requestBody('', false));
      exchange.message(requestBody(PING.slice(at), false));
      exchange.message(requestBody('', true));
      expect(stream.answers, `cut at ${at}`).toMatchObject([PONG]);
      exchange.closed();
    }
  });

  test('nothing more, whatever Envoy goes on sending', () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(PING));
    exchange.message(requestBody(CALL));
    exchange.message(requestTrailers());
    exchange.message(inSession());
    exchange.message(requestBody(PING));
    expect(stream.answers).toHaveLength(1);
  });

  test('nothing before the headers, and nothing to what is none of ours', () => {
    const exchange = start();
    exchange.message(requestBody(PING));
    exchange.message(new WireMessage().messageField(3, new WireMessage()).finish());
    exchange.message(Buffer.alloc(0));
    expect(stream.answers).toEqual([]);
    exchange.message(inSession());
    exchange.message(requestBody(PING));
    expect(stream.answers).toMatchObject([PONG]);
  });

  test('the first headers count', () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(inSession({ authorization: 'Bearer bob' }));
    exchange.message(requestBody(PING));
    expect(stream.answers).toMatchObject([PONG]);
  });
});

describe('a refusal comes as early as it can', () => {
  test.each<[string, Readonly<Record<string, string | undefined>>, object]>([
    ['an unknown surface', { ':path': '/mcp/none' }, refused(404, 'unknown_surface')],
    [
      'a wrong method',
      { ':method': 'PATCH' },
      {
        ...refused(405, 'method_not_allowed'),
        headers: { allow: 'GET, POST, DELETE', 'content-type': 'application/json' },
      },
    ],
    ['a body that says that it is too large', { 'content-length': '4097' }, refused(413, 'body_too_large')],
    ['no bearer token', { authorization: undefined }, refused(401, 'unauthenticated')],
    ['a wrong bearer token', { authorization: 'Bearer ALICE' }, refused(401, 'unauthenticated')],
    ['two bearer tokens', { authorization: 'Bearer alice, Bearer bob' }, refused(401, 'unauthenticated')],
  ])('%s: with the headers', (_, over, wanted) => {
    const exchange = start();
    exchange.message(headersOf(over));
    expect(stream.answers).toMatchObject([wanted]);
    exchange.message(requestBody(PING));
    expect(stream.answers).toHaveLength(1);
  });

  test('a challenge says where to get a token, and not what was wrong with it', () => {
    start().message(headersOf({ authorization: 'Bearer ALICE' }));
    const [answer] = stream.answers;
    if (answer?.kind !== 'immediate') throw new Error('no answer');
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", resource_metadata="http://gateway.test/.well-known/oauth-protected-resource/mcp"',
    );
    expect(JSON.stringify(answer)).not.toContain('signature');
  });

  test('there is no catalog yet', () => {
    world.catalog = null;
    start().message(inSession());
    expect(stream.answers).toMatchObject([refused(503, 'not_ready')]);
  });

  test('a body of just the limit is read, one byte more is not', () => {
    const padded = (bytes: number): string => PING + ' '.repeat(bytes - PING.length);
    const limit = world.gateway.bodyBytesMax;
    const whole = start();
    whole.message(inSession());
    whole.message(requestBody(padded(limit)));
    expect(stream.answers).toMatchObject([PONG]);
    stream = fakeStream();
    const more = start();
    more.message(inSession());
    more.message(requestBody(padded(limit), false));
    expect(stream.answers).toEqual([]);
    more.message(requestBody(' ', false));
    expect(stream.answers).toMatchObject([refused(413, 'body_too_large')]);
  });

  test('malformed protobuf is thrown: the server ends the call, and Envoy refuses the request', () => {
    const exchange = start();
    exchange.message(inSession());
    expect(() => exchange.message(Buffer.from([0x0a, 0xff]))).toThrow('malformed protobuf message');
    exchange.closed();
    expect(stream.answers).toEqual([]);
  });
});

describe('a body that does not end', () => {
  beforeEach(() => void vi.useFakeTimers());

  test('is waited for so long, however steadily it comes', () => {
    const exchange = start();
    exchange.message(inSession());
    for (let i = 0; i < 29; i++) {
      exchange.message(requestBody(' ', false));
      vi.advanceTimersByTime(1000);
    }
    expect(stream.answers).toEqual([]);
    vi.advanceTimersByTime(LIMITS.bodyDeadlineMs - 29_000);
    expect(stream.answers).toMatchObject([refused(408, 'body_timeout')]);
    exchange.message(requestBody(PING));
    expect(stream.answers).toHaveLength(1);
  });

  test('of a caller that left is not waited for', () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.closed();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2 * LIMITS.bodyDeadlineMs);
    expect(stream.answers).toEqual([]);
  });

  test('that ended after all leaves no timer behind', () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(PING));
    expect(vi.getTimerCount()).toBe(0);
    exchange.closed();
  });
});

describe('while it is found out who calls', () => {
  let known: (identity: Identity) => void;
  let failed: (error: Error) => void;
  beforeEach(() => {
    world.close();
    const identity = new Promise<Identity>((resolve, reject) => {
      known = resolve;
      failed = reject;
    });
    world = worldOf({ verifier: { verify: () => identity } });
  });
  const alice: Identity = { ok: true, principal: principalOf('alice') };

  test('the body may come whole', async () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(PING));
    expect(stream.answers).toEqual([]);
    known(alice);
    expect(await stream.answered()).toMatchObject([PONG]);
  });

  test('or in part', async () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(PING.slice(0, 5), false));
    known(alice);
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.answers).toEqual([]);
    exchange.message(requestBody(PING.slice(5)));
    expect(stream.answers).toMatchObject([PONG]);
  });

  test('what comes behind the end of the body does not count', async () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody(PING));
    exchange.message(requestBody('x'.repeat(5000)));
    known(alice);
    expect(await stream.answered()).toMatchObject([PONG]);
  });

  test('a body that is too large is refused at once, and the answer on the caller changes nothing', async () => {
    const exchange = start();
    exchange.message(inSession());
    exchange.message(requestBody('x'.repeat(4097)));
    known(alice);
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.answers).toMatchObject([refused(413, 'body_too_large')]);
  });

  test('a caller that left is not served', async () => {
    const exchange = start();
    exchange.message(headersOf());
    exchange.message(requestBody(JSON.stringify(request('initialize', { protocolVersion: '2025-11-25' }))));
    exchange.closed();
    known(alice);
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.answers).toEqual([]);
    expect(world.sent, 'and no backend opens a session for it').toEqual([]);
  });

  test('an error refuses the request', async () => {
    start().message(inSession());
    failed(new Error('a broken invariant'));
    expect(await stream.answered()).toMatchObject([refused(500, 'internal')]);
    expect(JSON.stringify(stream.answers)).not.toContain('invariant');
    expect(JSON.stringify(world.logged)).toContain('a broken invariant');
  });
});

describe('a caller that leaves while its request is answered', () => {
  test('is not answered', async () => {
    let release = (): void => {};
    const good = world.backend;
    world.backend = async (sent) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return good(sent);
    };
    const exchange = start();
    exchange.message(headersOf({ ':path': '/mcp/one' }));
    exchange.message(requestBody(JSON.stringify(request('initialize', { protocolVersion: '2025-11-25' }))));
    await world.sending(1);
    exchange.closed();
    release();
    await world.sending(2);
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.answers).toEqual([]);
  });
});

describe('where ext-authz decides', () => {
  const judged = (metadata?: Record<string, Record<string, string>>): Buffer =>
    headersOf(
      { ':path': '/mcp/judged', 'mcp-session-id': world.token({ surface: 'judged' }) },
      metadata === undefined ? {} : { metadata },
    );
  const word = { surface: 'judged', issuer: ISSUER, subject: 'alice', body_sha256: hash('sha256', PING, 'hex') };

  test('its word arrives with the headers', () => {
    const exchange = start();
    exchange.message(judged({ 'envoy.filters.http.ext_authz': word }));
    exchange.message(requestBody(PING));
    expect(stream.answers).toMatchObject([PONG]);
  });

  test.each<[string, Record<string, Record<string, string>> | undefined]>([
    ['no metadata', undefined],
    ['metadata of another filter', { other: word }],
    [
      'its word on another body',
      { 'envoy.filters.http.ext_authz': { ...word, body_sha256: hash('sha256', CALL, 'hex') } },
    ],
  ])('%s is no decision', (_, metadata) => {
    const exchange = start();
    exchange.message(judged(metadata));
    exchange.message(requestBody(PING));
    expect(stream.answers).toMatchObject([refused(503, 'decision_unavailable')]);
  });
});

describe('a caller with an API key', () => {
  const asRobot = (bearer: string): Buffer =>
    inSession({
      authorization: bearer,
      'mcp-session-id': world.token({ issuer: 'chancery:api-key', subject: 'robot' }),
    });
  const ask = (bearer: string): FakeStream => {
    const answers = fakeStream();
    const exchange = createExchange(answers, world.gateway);
    exchange.message(asRobot(bearer));
    exchange.message(requestBody(CALL));
    return answers;
  };

  test('is served at once, and the use of the key is noted', () => {
    const { bearer } = apiKeyIn(world, { id: 'k7' });
    expect(ask(bearer).answers[0]).toMatchObject({ kind: 'headers', set: { 'x-chancery-cluster': 'mcp.memory.1' } });
    expect(world.keysUsed).toEqual(['k7']);
  });

  test('is refused from the moment on in which the catalog has it no more, in its session too', () => {
    const { bearer } = apiKeyIn(world);
    ask(bearer);
    world.catalog = { ...world.catalog!, apiKeys: new Map() };
    expect(ask(bearer).answers[0]).toMatchObject(refused(401, 'unauthenticated'));
    expect(world.keysUsed).toEqual(['k1']);
    expect(JSON.stringify(world.logged)).not.toContain(bearer.slice(7));
  });

  test('does not use another principal’s session', () => {
    const { bearer } = apiKeyIn(world, { subject: 'alice' });
    const exchange = start();
    exchange.message(inSession({ authorization: bearer }));
    exchange.message(requestBody(CALL));
    expect(stream.answers[0]).toMatchObject(refused(404, 'session_unknown'));
  });
});

describe('an answer that is not known yet', () => {
  const calls: { request: CallRequest; closed: boolean }[] = [];
  const composed = () => {
    calls.length = 0;
    Object.assign(world.gateway, {
      calls: {
        open(request: CallRequest) {
          const call = { request, closed: false };
          calls.push(call);
          const close = (): void => {
            call.closed = true;
          };
          return { close, pause() {}, resume() {} };
        },
        close() {},
      },
    });
    const exchange = start();
    exchange.message(inSession({ 'mcp-session-id': world.token({ clientCapabilities: { roots: {} } }) }));
    exchange.message(requestBody(CALL));
    return { exchange, call: calls[0]! };
  };
  const RESPONSE = '{"jsonrpc":"2.0","id":1,"result":{}}';

  test('is sent when it is, in pieces where it is long', () => {
    const { call } = composed();
    expect(stream.answers).toEqual([]);
    call.request.onOpen({ status: 200, contentType: 'text/event-stream', sessionId: '' });
    call.request.onEvent({ data: RESPONSE.replace('{}', `"${'x'.repeat(2 * LIMITS.streamPieceBytesMax)}"`) });
    expect(stream.answers.map(({ kind }) => kind)).toEqual([
      'stream_headers',
      'stream_body',
      'stream_body',
      'stream_body',
      'stream_body',
    ]);
    expect(stream.state).toBe('ended');
  });

  const LONG = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${'x'.repeat(1024 * 1024)}"}}`;
  const MOST = LIMITS.composedAnswerBytesMax / (1024 * 1024);

  test('and is too long ends with an error, and its backend is left', () => {
    const { call, exchange } = composed();
    call.request.onOpen({ status: 200, contentType: 'text/event-stream', sessionId: '' });
    for (let index = 0; index < MOST - 1; index++) call.request.onEvent({ data: LONG });
    expect([call.closed, stream.state]).toEqual([false, 'open']);
    for (let index = 0; index < 2; index++) call.request.onEvent({ data: LONG });
    expect([call.closed, stream.state]).toEqual([true, 'ended']);
    const { rpc: code, message } = ERRORS.answer_too_large;
    const error = `data: {"jsonrpc":"2.0","id":1,"error":${JSON.stringify({ code, message })}}\n\n`;
    expect(stream.answers.slice(-2)).toMatchObject([
      { kind: 'stream_body', body: error },
      { kind: 'stream_body', body: '', endOfStream: true },
    ]);
    expect(world.gateway.underway.size).toBe(0);
    exchange.closed();
  });

  test('and is too long just ends where its client can come back for the rest', () => {
    const { call } = composed();
    call.request.onOpen({ status: 200, contentType: 'text/event-stream', sessionId: '' });
    for (let index = 0; index <= MOST; index++) call.request.onEvent({ data: LONG, id: `e${index}` });
    expect([call.closed, stream.state]).toEqual([true, 'ended']);
    expect(stream.answers.at(-2)).toMatchObject({ kind: 'stream_body', endOfStream: false });
    const sent = stream.answers.map((answer) => ('body' in answer ? String(answer.body) : '')).join('');
    expect(sent.match(/^id: /gm)).toHaveLength(MOST - 1);
    expect(sent).not.toContain('"error"');
  });

  test('may be JSON', () => {
    const { call } = composed();
    call.request.onOpen({ status: 200, contentType: 'application/json', sessionId: '' });
    call.request.onEvent({ data: RESPONSE });
    call.request.onEnd('ended');
    expect(stream.answers).toMatchObject([{ kind: 'immediate', status: 200, body: RESPONSE }]);
  });

  test('is given up when its caller leaves, before it began and after', () => {
    const before = composed();
    before.exchange.closed();
    expect(before.call.closed).toBe(true);
    stream = fakeStream();
    const after = composed();
    after.call.request.onOpen({ status: 200, contentType: 'text/event-stream', sessionId: '' });
    after.exchange.closed();
    expect(after.call.closed).toBe(true);
    expect(world.gateway.underway.size).toBe(0);
  });
});

describe('a stream that we compose', () => {
  const get = (): Buffer =>
    inSession({ ':method': 'GET', accept: 'text/event-stream', 'content-type': undefined }, { endOfStream: true });

  test('begins, goes on, and ends in order', () => {
    const exchange = start();
    exchange.message(get());
    expect(stream.answers).toMatchObject([
      { kind: 'stream_headers', headers: { ':status': '200', 'content-type': 'text/event-stream' } },
      { kind: 'stream_body', body: ': open\n\n' },
      { kind: 'stream_body', body: expect.stringMatching(/^id: che1\..*\nretry: \d+\ndata: \n\n$/) },
    ]);
    expect(stream.state).toBe('open');
    world.gateway.streams.close();
    expect(stream.answers.at(-1)).toEqual({ kind: 'stream_body', body: '', endOfStream: true });
    expect(stream.state).toBe('ended');
    exchange.closed();
  });

  test('is given up when Envoy has nothing more to say: its caller left', () => {
    const exchange = start();
    exchange.message(get());
    exchange.halfClosed();
    expect(world.gateway.streams.size).toBe(0);
    expect(stream.state).toBe('ended');
    expect(stream.answers).toHaveLength(3);
    exchange.closed();
  });

  test('is forgotten when its caller leaves', () => {
    const exchange = start();
    exchange.message(get());
    expect(world.gateway.streams.size).toBe(1);
    exchange.closed();
    expect(world.gateway.streams.size).toBe(0);
    expect(stream.answers).toHaveLength(3);
  });

  test('is replaced by the next one of its session', () => {
    start().message(get());
    const first = stream;
    stream = fakeStream();
    start().message(get());
    expect(first.state).toBe('ended');
    expect(stream.state).toBe('open');
  });
});
