import { describe, expect, test } from 'vitest';
import { hostile, startHarness, TestSession } from './fixtures/harness.ts';

const PARSED = (text: string): unknown => JSON.parse(text);

describe('calls', () => {
  test('bytes pass as they are: big integers, unknown members, spaces, and a pretty-printed body', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const body =
      '{"jsonrpc": "2.0",\n "id": 5, "method": "tools/call", "x": 1.50, "params": {"name": "raw", "n": 12345678901234567890}}';
    const answer = await session.ask({ body });
    expect(answer.headers['content-type']).toBe('application/json');
    const text = await answer.text();
    expect(text).toContain('{"jsonrpc":"2.0", "id":5,"unknown":[1.50],"result":{"big":12345678901234567890,');
    expect((JSON.parse(text) as { result: { line: string } }).result.line).toBe(body.replace('\n', ' '));
  });

  test('ids 1 and "1" are different calls; an id in flight is refused; id 0 is an id', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const number = session.call(1, 'hold');
    const text = session.call('1', 'hold');
    await session.result(0, 'echo');
    const again = await session.call(1, 'echo');
    expect(again.status).toBe(400);
    expect(PARSED(await again.text())).toMatchObject({ id: 1, error: { code: -32600 } });
    expect(await session.result(0, 'release')).toMatchObject({ id: 0, result: {} });
    expect(PARSED(await (await number).text())).toEqual({ jsonrpc: '2.0', id: 1, result: { released: true } });
    expect(PARSED(await (await text).text())).toEqual({ jsonrpc: '2.0', id: '1', result: { released: true } });
  });

  test('progress opens an event stream, live, and the response ends it', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const answer = await session.call(1, 'progress', { _meta: { progressToken: 't' } });
    expect(answer.headers['content-type']).toBe('text/event-stream');
    const events = answer.events();
    expect(PARSED((await events.next()).value as string)).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 't' },
    });
    await session.result(2, 'release');
    expect(PARSED((await events.next()).value as string)).toMatchObject({ id: 1, result: { released: true } });
    expect((await events.next()).done).toBe(true);
  });

  test('without GET stream, log messages and requests of the child go to the call; list_changed is dropped', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const logged: unknown[] = [];
    for await (const event of (await session.call(1, 'log')).events()) logged.push(PARSED(event));
    expect(logged).toMatchObject([{ method: 'notifications/message' }, { id: 1, result: {} }]);

    const events = (await session.call(2, 'ask')).events();
    expect(PARSED((await events.next()).value as string)).toMatchObject({ id: 0, method: 'sampling/createMessage' });
    const accepted = await session.ask({ body: '{"jsonrpc":"2.0","id":0,"result":{"role":"assistant"}}' });
    expect([accepted.status, await accepted.text()]).toEqual([202, '']);
    expect(PARSED((await events.next()).value as string)).toMatchObject({
      id: 2,
      result: { answered: { role: 'assistant' } },
    });
  });

  test('with a GET stream they go there, and the call is answered as JSON; a second GET is refused; a closed one makes room', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const stream = await session.ask({ method: 'GET' });
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream']);
    const second = await session.ask({ method: 'GET' });
    expect(second.status).toBe(409);
    await second.text();
    const answer = await session.call(1, 'log');
    expect(answer.headers['content-type']).toBe('application/json');
    await answer.text();
    const events = stream.events();
    expect(PARSED((await events.next()).value as string)).toMatchObject({ method: 'notifications/message' });
    expect(PARSED((await events.next()).value as string)).toMatchObject({ method: 'notifications/tools/list_changed' });
    stream.response.destroy();
    await expect.poll(async () => (await session.ask({ method: 'GET' })).status, { timeout: 5000 }).toBe(200);
  });

  test('a request of the child that reaches nobody is answered to it', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    await session.result(1, 'answer-then-ask');
    const { result } = await session.result(2, 'answers');
    expect(result?.answers).toMatchObject([
      { id: 'a', error: { code: -32000 } },
      { id: 7, result: {} },
    ]);
  });

  test('a client that leaves does not cancel: the call goes on, and its id is free after the response', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const leave = new AbortController();
    const left = session.call(1, 'hold', {}, leave.signal);
    left.catch(() => {});
    await session.result(2, 'echo');
    leave.abort();
    await expect(left).rejects.toThrow();
    expect((await session.call(1, 'echo')).status).toBe(400);
    await session.result(2, 'release');
    expect(await session.result(1, 'echo', { arguments: 1 })).toMatchObject({ id: 1, result: { echo: 1 } });
  });

  test('a cancelled call ends without a message', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const call = session.call(1, 'never');
    await session.result(2, 'echo');
    const cancelled = await session.ask({
      body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
    });
    expect(cancelled.status).toBe(202);
    expect(await (await call).text()).toBe('');
  });

  test('calls beyond the bound are refused with 503', async () => {
    await using harness = startHarness({ bridgeCallsMax: 2 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    // Their progress says that they are in flight.
    const waiting = [];
    for (const id of [1, 2]) waiting.push(await session.call(id, 'progress', { _meta: { progressToken: id } }));
    const refused = await session.call(3, 'echo');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    await session.ask({ method: 'DELETE' });
    for (const answer of waiting) expect(await answer.text()).toContain('the client ended it');
  });

  test('a child that does not read is refused more than the bound', async () => {
    await using harness = startHarness({ bridgeInputBytesMax: 100_000 });
    await harness.bridge.apply([hostile(harness, 'deaf')]);
    const session = await TestSession.open(hostile(harness, 'deaf').socket);
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x', params: { text: 'x'.repeat(90_000) } });
    const statuses: number[] = [];
    while (statuses.length < 100 && statuses.at(-1) !== 503) statuses.push((await session.ask({ body })).status);
    expect(statuses.at(-1)).toBe(503);
    expect(statuses.length).toBeLessThan(20);
  });
});

describe('slow readers', () => {
  test('a reader that waits pauses the child, and gets everything when it reads', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const answer = await session.call(1, 'large-events', { _meta: { progressToken: 1 } });
    let count = 0;
    let last = '';
    for await (const event of answer.events()) {
      count++;
      last = event;
    }
    expect(count).toBe(13);
    expect(PARSED(last)).toMatchObject({ id: 1, result: {} });
  });

  test('a reader that takes nothing is disconnected, and the session goes on', async () => {
    await using harness = startHarness({ bridgeStallMs: 200 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const stalled = await session.call(1, 'large-events', { _meta: { progressToken: 1 } });
    stalled.response.pause();
    expect(await session.result(2, 'echo', { arguments: 1 })).toMatchObject({ result: { echo: 1 } });
    await expect(stalled.text()).rejects.toThrow();
  });

  test('large answers arrive whole', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const answers = await Promise.all([1, 2, 3].map((id) => session.result(id, 'large')));
    for (const answer of answers) expect(String(answer.result?.text)).toHaveLength(4_000_000);
  });
});
