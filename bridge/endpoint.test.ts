import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { ask } from './fixtures/client.ts';
import { hostile, INITIALIZE, startHarness, TestSession } from './fixtures/harness.ts';

const PARSED = (text: string): unknown => JSON.parse(text);

describe('starting a session', () => {
  test('initialize answers with a session id of visible ASCII, and each session has a child of its own', async () => {
    await using harness = startHarness();
    const { socket } = hostile(harness);
    await harness.bridge.apply([hostile(harness)]);
    const [first, second] = await Promise.all([TestSession.open(socket), TestSession.open(socket)]);
    expect(first.id).toMatch(/^[!-~]{36}$/);
    expect(second.id).not.toBe(first.id);
    const pids = await Promise.all([first.result(1, 'environment'), second.result(1, 'environment')]);
    expect(pids[0]?.result?.pid).not.toBe(pids[1]?.result?.pid);
  });

  test('the child gets the command, arguments and folder of the operator, and a minimal environment', async () => {
    const base = {
      PATH: '/usr/bin',
      HOME: '/nowhere',
      LANG: 'C',
      TMPDIR: '/tmp',
      NODE_OPTIONS: '',
      CHANCERY_HOME: '/x',
      TOKEN: 'x',
    };
    await using harness = startHarness({}, base);
    const args = [...hostile(harness).args, '$HOME; touch x', '*'];
    await harness.bridge.apply([hostile(harness, 'polite', { args, cwd: harness.folder, env: { MINE: 'a b' } })]);
    const session = await TestSession.open(hostile(harness).socket);
    const { result } = await session.result(1, 'environment');
    expect(result?.env).toEqual({ PATH: '/usr/bin', HOME: '/nowhere', LANG: 'C', TMPDIR: '/tmp', MINE: 'a b' });
    expect(result?.cwd).toBe(harness.folder);
    expect(result?.argv).toEqual(['polite', '$HOME; touch x', '*']);
  });

  test.each([
    ['a program that does not exist', 'polite', { command: './no-such-program' }, 502, 'was not found (ENOENT)'],
    ['a program that may not be run', 'polite', { command: '/etc' }, 502, 'cannot be run (EACCES)'],
    ['a folder that does not exist', 'polite', { cwd: '/no/such/folder' }, 502, 'was not found (ENOENT)'],
    ['an argument that cannot be passed', 'polite', { args: ['a\0b'] }, 502, 'cannot be run (ERR_INVALID_ARG_VALUE)'],
    ['a child that ends at once', 'dead', {}, 502, 'it ended with exit status 7'],
  ] as const)('%s gives a JSON-RPC error with the id', async (_sentence, start, more, status, detail) => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness, start, more)]);
    const answer = await ask(hostile(harness, start).socket, { body: INITIALIZE.replace('"id":0', '"id":"a"') });
    expect(answer.status).toBe(status);
    expect(answer.headers['mcp-session-id']).toBeUndefined();
    expect(PARSED(await answer.text())).toMatchObject({
      id: 'a',
      error: { code: -32000, message: expect.stringContaining(detail) },
    });
  });

  test('a child that never answers initialize is killed at the deadline: 504', async () => {
    await using harness = startHarness({ bridgeStartDeadlineMs: 300 });
    await harness.bridge.apply([hostile(harness, 'mute')]);
    const answer = await ask(hostile(harness, 'mute').socket, { body: INITIALIZE });
    expect(answer.status).toBe(504);
    expect(PARSED(await answer.text())).toMatchObject({ id: 0, error: { code: -32000 } });
    expect(await harness.logged((line) => line.msg === 'the child ended')).toMatchObject({ how: 'signal SIGKILL' });
  });

  test('a child that refuses initialize: its error is relayed, without a session, and it is ended', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness, 'refuse')]);
    const answer = await ask(hostile(harness, 'refuse').socket, { body: INITIALIZE });
    expect(answer.status).toBe(200);
    expect(answer.headers['mcp-session-id']).toBeUndefined();
    expect(PARSED(await answer.text())).toEqual({ jsonrpc: '2.0', id: 0, error: { code: -32602, message: 'not you' } });
    await harness.logged((line) => line.msg === 'the child ended');
  });

  test('a client that leaves before the answer leaves no child', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness, 'mute')]);
    const leave = new AbortController();
    const answer = ask(hostile(harness, 'mute').socket, { body: INITIALIZE, signal: leave.signal });
    answer.catch(() => {});
    const { pid } = await harness.logged((line) => line.msg === 'the child started');
    leave.abort();
    await expect(answer).rejects.toThrow();
    expect(await harness.logged((line) => line.msg === 'the child ended')).toMatchObject({ pid });
  });

  test('over the bound on children: 503 with Retry-After; an ended one makes room', async () => {
    await using harness = startHarness({ bridgeChildrenMax: 1 });
    await harness.bridge.apply([hostile(harness), hostile(harness, 'second')]);
    const session = await TestSession.open(hostile(harness).socket);
    const refused = await ask(hostile(harness, 'second').socket, { body: INITIALIZE });
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(PARSED(await refused.text())).toMatchObject({
      id: 0,
      error: { code: -32000, message: expect.stringContaining('too many sessions') },
    });
    expect((await session.ask({ method: 'DELETE' })).status).toBe(200);
    await harness.logged((line) => line.msg === 'the child ended');
    const open = (): Promise<unknown> => TestSession.open(hostile(harness, 'second').socket).catch(() => null);
    await expect.poll(open, { timeout: 5000 }).toBeInstanceOf(TestSession);
  });

  test('over the bound, the session that nobody used for longest gives way; one in use does not', async () => {
    await using harness = startHarness({ bridgeChildrenMax: 2, bridgeYieldMs: 0 });
    await harness.bridge.apply([hostile(harness), hostile(harness, 'second')]);
    const used = await TestSession.open(hostile(harness).socket);
    const stream = await used.ask({ method: 'GET', headers: { accept: 'text/event-stream' } });
    expect(stream.status).toBe(200);
    const idle = await TestSession.open(hostile(harness).socket);
    await TestSession.open(hostile(harness, 'second').socket);
    expect((await idle.ask({ method: 'DELETE' })).status).toBe(404);
    expect((await used.ask({ method: 'DELETE' })).status).toBe(200);
  });
});

describe('what is refused', () => {
  const big = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x', params: { text: 'x'.repeat(2000) } });
  test.each([
    ['invalid JSON', { body: '{"jsonrpc":' }, 400, { id: null, error: { code: -32700 } }],
    ['an empty body', { body: '' }, 400, { id: null, error: { code: -32700 } }],
    ['a batch', { body: '[{"jsonrpc":"2.0","id":1,"method":"ping"}]' }, 400, { id: null, error: { code: -32600 } }],
    ['a message that is none', { body: '{"jsonrpc":"2.0","id":7}' }, 400, { id: 7, error: { code: -32600 } }],
    ['initialize again', { body: INITIALIZE }, 400, { id: 0, error: { code: -32600 } }],
    [
      'no session',
      { body: '{"jsonrpc":"2.0","id":"a","method":"ping"}', headers: { 'mcp-session-id': undefined } },
      400,
      { id: 'a', error: { code: -32000 } },
    ],
    [
      'initialize as a notification',
      { body: '{"jsonrpc":"2.0","method":"initialize"}', headers: { 'mcp-session-id': undefined } },
      400,
      { id: null, error: { code: -32000 } },
    ],
    [
      'an unknown session',
      { body: '{"jsonrpc":"2.0","id":"a","method":"ping"}', headers: { 'mcp-session-id': 'x' } },
      404,
      { id: 'a', error: { code: -32001 } },
    ],
    [
      'an unknown session on GET',
      { method: 'GET', headers: { 'mcp-session-id': 'x' } },
      404,
      { error: { code: -32001 } },
    ],
    [
      'an unknown session on DELETE',
      { method: 'DELETE', headers: { 'mcp-session-id': 'x' } },
      404,
      { error: { code: -32001 } },
    ],
    ['a wrong Accept', { body: '{}', headers: { accept: 'application/json' } }, 406, { error: { code: -32000 } }],
    [
      'a wrong Content-Type',
      { body: '{}', headers: { 'content-type': 'text/plain' } },
      415,
      { error: { code: -32000 } },
    ],
    [
      'an unknown protocol version',
      { body: '{"jsonrpc":"2.0","id":1,"method":"ping"}', headers: { 'mcp-protocol-version': '1999-01-01' } },
      400,
      { id: 1, error: { code: -32000 } },
    ],
    ['another HTTP method', { method: 'PUT', body: '{}' }, 405, { error: { code: -32000 } }],
    ['a body over the limit', { body: big }, 413, { error: { code: -32600 } }],
    [
      'a body over the limit that does not say its length',
      { body: big, headers: { 'transfer-encoding': 'chunked' } },
      413,
      { error: { code: -32600 } },
    ],
  ] as const)('%s', async (_sentence, question, status, body) => {
    await using harness = startHarness({ bodyBytesMax: 1000 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const answer = await session.ask(question);
    expect(answer.status).toBe(status);
    expect(PARSED(await answer.text())).toMatchObject(body);
    // And the session is none the worse.
    expect(await session.result(1, 'echo', { arguments: { a: 1 } })).toMatchObject({ result: { echo: { a: 1 } } });
  });

  test('a body that does not arrive in time: 408', async () => {
    await using harness = startHarness({ bodyDeadlineMs: 100 });
    await harness.bridge.apply([hostile(harness)]);
    const client = net.connect(hostile(harness).socket);
    const type = 'Accept: application/json, text/event-stream\r\nContent-Type: application/json';
    client.write(`POST /mcp HTTP/1.1\r\nHost: a\r\n${type}\r\nContent-Length: 100\r\n\r\n{`);
    const [first] = (await once(client, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1.1 408 /);
    client.destroy();
  });
});
