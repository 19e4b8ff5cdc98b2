import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask } from './fixtures/client.ts';
import { hostile, INITIALIZE, startHarness, TestSession } from './fixtures/harness.ts';

const PARSED = (text: string): unknown => JSON.parse(text);

describe('sockets', () => {
  test('the socket has mode 0600, its folder 0700, and both ends are gone after close', async () => {
    await using harness = startHarness();
    const definition = hostile(harness, 'polite', { socket: join(harness.folder, 'run', 'a.sock') });
    await harness.bridge.apply([definition]);
    expect(statSync(definition.socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(harness.folder, 'run')).mode & 0o777).toBe(0o700);
    await harness.bridge.close();
    expect(existsSync(definition.socket)).toBe(false);
    await expect(ask(definition.socket, { body: INITIALIZE })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a socket that a killed bridge left is replaced', async () => {
    await using harness = startHarness();
    const definition = hostile(harness);
    const program = `require('net').createServer().listen(${JSON.stringify(definition.socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', program]);
    expect(statSync(definition.socket).isSocket()).toBe(true);
    await harness.bridge.apply([definition]);
    await TestSession.open(definition.socket);
  });

  test('a file that is no socket is left alone, and the other servers are bridged', async () => {
    await using harness = startHarness();
    const blocked = hostile(harness, 'blocked');
    writeFileSync(blocked.socket, 'precious');
    const fine = hostile(harness);
    await harness.bridge.apply([blocked, fine]);
    expect(statSync(blocked.socket).size).toBe(8);
    expect(await harness.logged((line) => line.msg === 'the server cannot be bridged')).toMatchObject({
      reason: expect.stringContaining('is not a socket'),
    });
    await TestSession.open(fine.socket);
  });

  test('a folder that others may enter, and a path that is too long, are refused', async () => {
    await using harness = startHarness();
    mkdirSync(join(harness.folder, 'open'), { mode: 0o755 });
    const long = join(harness.folder, `${'x'.repeat(120)}.sock`);
    await harness.bridge.apply([
      hostile(harness, 'a', { socket: join(harness.folder, 'open', 'a.sock') }),
      hostile(harness, 'b', { socket: long }),
    ]);
    const reasons = harness.lines.map((line) => String(line.reason));
    expect(reasons[0]).toContain('has mode 755, wanted 700');
    expect(reasons[1]).toContain('wanted at most 103');
  });

  test('two definitions cannot share a socket: the first has it', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness), hostile(harness, 'mute', { socket: hostile(harness).socket })]);
    await harness.logged((line) => line.msg === 'another server has this socket already');
    await TestSession.open(hostile(harness).socket);
  });
});

describe('definitions that change', () => {
  test('a changed one: calls in flight finish, new ones are 404, new sessions get the new definition', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness, 'polite', { env: { A: '1' } })]);
    const { socket } = hostile(harness);
    const session = await TestSession.open(socket);
    const asking = (await session.call(1, 'ask')).events();
    await asking.next();
    await harness.bridge.apply([hostile(harness, 'polite', { env: { A: '2' } })]);
    expect((await session.call(2, 'echo')).status).toBe(404);
    const next = await TestSession.open(socket);
    expect((await next.result(1, 'environment')).result?.env).toMatchObject({ A: '2' });
    // The call in flight can still be given what it waits for.
    expect((await session.ask({ body: '{"jsonrpc":"2.0","id":0,"result":{}}' })).status).toBe(202);
    expect(PARSED((await asking.next()).value as string)).toMatchObject({ id: 1, result: {} });
    expect(await harness.logged((line) => line.msg === 'session ended')).toMatchObject({
      reason: 'its definition changed',
    });
    expect((await next.call(2, 'echo')).status).toBe(200);
  });

  test('a changed one: what does not finish in the grace period is ended', async () => {
    await using harness = startHarness({ bridgeDrainMs: 100 });
    await harness.bridge.apply([hostile(harness, 'polite', { env: { A: '1' } })]);
    const session = await TestSession.open(hostile(harness).socket);
    const call = session.call(1, 'never');
    await session.result(2, 'echo');
    await harness.bridge.apply([hostile(harness, 'polite', { env: { A: '2' } })]);
    expect(PARSED(await (await call).text())).toMatchObject({ id: 1, error: { code: -32000 } });
  });

  test('the same again changes nothing', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    const session = await TestSession.open(hostile(harness).socket);
    await harness.bridge.apply([{ ...hostile(harness) }]);
    expect((await session.call(1, 'echo')).status).toBe(200);
  });

  test('a removed one: its socket is gone, its idle sessions end; added again it listens again', async () => {
    await using harness = startHarness();
    await harness.bridge.apply([hostile(harness)]);
    await TestSession.open(hostile(harness).socket);
    await harness.bridge.apply([]);
    expect(existsSync(hostile(harness).socket)).toBe(false);
    await harness.logged((line) => line.msg === 'the child ended');
    await harness.bridge.apply([hostile(harness)]);
    await TestSession.open(hostile(harness).socket);
  });
});
