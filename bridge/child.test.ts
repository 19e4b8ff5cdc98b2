import { describe, expect, test } from 'vitest';
import { hostile, isRunning, processesMentioning, startHarness, TestSession } from './fixtures/harness.ts';

const PARSED = (text: string): unknown => JSON.parse(text);

describe('ends', () => {
  test('DELETE ends the child: 200, then 404', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const pid = Number((await session.result(1, 'environment')).result?.pid);
    const stream = await session.ask({ method: 'GET' });
    expect((await session.ask({ method: 'DELETE' })).status).toBe(200);
    expect(await stream.text()).toBe('');
    expect((await session.ask({ method: 'DELETE' })).status).toBe(404);
    expect((await session.call(1, 'echo')).status).toBe(404);
    expect(await harness.logged((line) => line.msg === 'the child ended')).toMatchObject({ pid, how: 'exit status 0' });
    expect(isRunning(pid)).toBe(false);
  });

  test('a child that dies on a call: open calls get an error, as JSON or at the end of their stream; then 404', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const streaming = await session.call('s', 'progress', { _meta: { progressToken: 1 } });
    const dying = await session.call(1, 'die');
    expect(dying.status).toBe(200);
    expect(PARSED(await dying.text())).toMatchObject({
      id: 1,
      error: { code: -32000, message: expect.stringContaining('exit status 3') },
    });
    const events: unknown[] = [];
    for await (const event of streaming.events()) events.push(PARSED(event));
    expect(events).toMatchObject([{ method: 'notifications/progress' }, { id: 's', error: { code: -32000 } }]);
    expect((await session.call(2, 'echo')).status).toBe(404);
    await TestSession.open(hostile(harness).socket);
  });

  test('an answer just before the end arrives', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    expect(await session.result(1, 'answer-and-die')).toMatchObject({ result: { last: true } });
  });

  test('a child that closes its input is ended', async () => {
    await using harness = startHarness({ bridgeStopGraceMs: 200 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    expect(await session.result(1, 'close-input')).toMatchObject({ id: 1, error: { code: -32000 } });
  });

  test('a line without end kills the child', async () => {
    await using harness = startHarness({ bridgeLineBytesMax: 200_000 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    expect(await session.result(1, 'endless-line')).toMatchObject({ id: 1, error: { code: -32000 } });
    await harness.logged((line) => line.msg.includes('longer line than allowed'));
    expect(await harness.logged((line) => line.msg === 'the child ended')).toMatchObject({ how: 'signal SIGKILL' });
  });

  test('lines that are not JSON-RPC are logged, escaped, and dropped; an answer that repeats keys is not', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    expect(await session.result(1, 'garbage')).toMatchObject({ result: { garbage: true } });
    const dropped = harness.lines.filter((line) => 'stdout' in line).map((line) => line.stdout);
    expect(dropped[0]).toBe('this is not JSON \\u{1b}[31mred');
    expect(dropped).toHaveLength(3);
    expect(await (await session.call(1, 'repeated-keys')).text()).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}',
    );
  });

  test('what a child writes to standard error is logged with its server and pid, bounded and without its secrets', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness, 'polite', { env: { SECRET_FOR_TEST: 'hunter2hunter2' } })]);
    const session = await TestSession.open(hostile(harness).socket);
    const pid = Number((await session.result(1, 'environment')).result?.pid);
    await session.result(1, 'flood-stderr');
    await session.ask({ method: 'DELETE' });
    await harness.logged((line) => line.msg === 'lines of the child were not logged');
    const written = harness.lines.filter((line) => 'stderr' in line);
    expect(written[0]).toMatchObject({
      server: 'hostile',
      version: '1',
      pid,
      stderr: 'first \\u{1b}]0;title\\u{7} (cut)',
    });
    expect(String(written[1]?.stderr)).toHaveLength(2048);
    expect(written.length).toBeLessThan(200);
    expect(JSON.stringify(harness.lines)).not.toContain('hunter2');
  });

  test('a session that nobody uses is ended; one with a GET stream is not', async () => {
    await using harness = startHarness({ bridgeIdleMs: 300 });
    await harness.bridge.apply([hostile(harness)]);
    const listening = await TestSession.open(hostile(harness).socket);
    await listening.ask({ method: 'GET' });
    const idle = await TestSession.open(hostile(harness).socket);
    await harness.logged((line) => line.msg === 'session ended' && line.reason === 'idle');
    expect((await idle.call(1, 'echo')).status).toBe(404);
    expect((await listening.call(1, 'echo')).status).toBe(200);
  });
});

describe.concurrent('nothing is left behind', () => {
  test('a grandchild that ignores SIGTERM dies with its session', async () => {
    await using harness = startHarness({ bridgeStopGraceMs: 400 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const pid = Number((await session.result(1, 'grandchild')).result?.pid);
    expect(isRunning(pid)).toBe(true);
    await session.ask({ method: 'DELETE' });
    await expect.poll(() => isRunning(pid), { timeout: 5000 }).toBe(false);
  });

  test('a grandchild of a child that died dies as well', async () => {
    await using harness = startHarness({ bridgeStopGraceMs: 400 });
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    const events: { params?: { data?: number } }[] = [];
    for await (const event of (await session.call(1, 'grandchild-and-die')).events()) events.push(JSON.parse(event));
    const pid = Number(events[0]?.params?.data);
    expect(pid).toBeGreaterThan(0);
    await expect.poll(() => isRunning(pid), { timeout: 5000 }).toBe(false);
  });

  test('close ends children that ignore the end of their input and SIGTERM, within the grace period', async () => {
    await using harness = startHarness({ bridgeStopGraceMs: 600 });
    const mark = { MARK: harness.folder };
    await harness.bridge.apply([
      hostile(harness, 'stubborn', { env: mark }),
      hostile(harness, 'polite', { env: mark }),
    ]);
    const stubborn = await TestSession.open(hostile(harness, 'stubborn').socket);
    const call = stubborn.call(1, 'never');
    await stubborn.result(2, 'grandchild');
    await TestSession.open(hostile(harness).socket);
    expect(processesMentioning(harness.folder)).toHaveLength(3);
    await harness.bridge.close();
    expect(PARSED(await (await call).text())).toMatchObject({
      id: 1,
      error: { code: -32000, message: expect.stringContaining('the bridge stops') },
    });
    expect(processesMentioning(harness.folder)).toEqual([]);
  });

  test('close waits for the child of a session that was ended just before', async () => {
    await using harness = startHarness({ bridgeStopGraceMs: 600 });
    await harness.bridge.apply([hostile(harness, 'stubborn', { env: { MARK: harness.folder } })]);
    const session = await TestSession.open(hostile(harness, 'stubborn').socket);
    await session.ask({ method: 'DELETE' });
    expect(processesMentioning(harness.folder)).toHaveLength(1);
    await harness.bridge.close();
    expect(processesMentioning(harness.folder)).toEqual([]);
  });

  test('killAll kills at once, grandchildren as well', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness, 'stubborn', { env: { MARK: harness.folder } })]);
    const session = await TestSession.open(hostile(harness, 'stubborn').socket);
    await session.result(2, 'grandchild');
    harness.bridge.killAll();
    await expect.poll(() => processesMentioning(harness.folder), { timeout: 5000 }).toEqual([]);
  });
});
