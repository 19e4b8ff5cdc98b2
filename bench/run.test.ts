// Decides whether the generator counts right: against the fake server in the same process, over real connections.
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createFakeMcp, TOOL } from './fake-mcp.ts';
import { listen } from './fake-server.ts';
import { LOOPBACK, type LoadOrder, type Target } from './load-order.ts';
import { run } from './run.ts';
import { openSessions } from './sessions.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function fake(): Promise<Target> {
  const server = await listen(createFakeMcp(), { host: LOOPBACK, port: 0 });
  servers.push(server);
  return targetOf(server);
}

function targetOf(server: Server): Target {
  const { port } = server.address() as { readonly port: number };
  return { port, path: '/mcp', headers: { host: `${LOOPBACK}:${port}` }, tool: TOOL };
}

const order = (target: Target, sessions: readonly string[], more: Partial<LoadOrder> = {}): LoadOrder => ({
  target,
  sessions,
  textBytes: 64,
  warmUpMs: 0,
  until: { calls: 60 },
  ...more,
});
const runOnce = (what: LoadOrder): ReturnType<typeof run> =>
  run(
    what,
    () => {},
    () => performance.now(),
  );

test.each([1, 7])('a run of a number of calls makes exactly so many, in %d sessions', async (count) => {
  const target = await fake();
  const result = await runOnce(order(target, await openSessions(target, count)));
  expect(result).toMatchObject({ calls: 60, failures: {} });
  expect(result.latencies.reduce((sum, [, calls]) => sum + calls, 0)).toBe(60);
});

test('a run by time counts calls with a body of 100 KB', async () => {
  const target = await fake();
  const sessions = await openSessions(target, 2);
  const result = await runOnce(order(target, sessions, { textBytes: 100_000, until: { ms: 50 } }));
  expect(result.failures).toEqual({});
  expect(result.calls).toBeGreaterThan(0);
});

test('a name that was not rewritten, a session that is unknown, and a refused connection are failures, each by its kind', async () => {
  const target = await fake();
  const sessions = await openSessions(target, 1);
  const wrongName = await runOnce(order({ ...target, tool: `one__${TOOL}` }, sessions, { until: { calls: 1 } }));
  expect(wrongName).toMatchObject({ calls: 0, failures: { 'JSON-RPC error': 1 } });
  const wrongSession = await runOnce(order(target, ['x'], { until: { calls: 1 } }));
  expect(wrongSession.failures).toEqual({ 'status 404': 1 });
  const server = await listen(createFakeMcp(), { host: LOOPBACK, port: 0 });
  const nobody = targetOf(server);
  await new Promise((resolve) => server.close(resolve));
  const refused = await runOnce(order(nobody, ['x'], { until: { ms: 20 } }));
  expect(refused.failures['connection lost']).toBeGreaterThanOrEqual(1);
});

test('an answer to another call, and a connection that is closed instead of an answer, are failures', async () => {
  const wrongId = '{"jsonrpc":"2.0","id":5,"result":{}}';
  const answers = [`HTTP/1.1 200 OK\r\ncontent-length: ${wrongId.length}\r\n\r\n${wrongId}`, null];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answers.shift() ?? ''));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const result = await runOnce(order(targetOf(server), ['s'], { until: { calls: 2 } }));
  expect(result).toMatchObject({ calls: 0, failures: { 'another id': 1, 'connection lost': 1 } });
});
