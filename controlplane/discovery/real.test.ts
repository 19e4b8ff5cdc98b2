import http from 'node:http';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { Discovered } from '../../core/catalog/catalog.ts';
import { parseNetworks } from '../../core/catalog/networks.ts';
import { LIMITS } from '../../core/limits.ts';
import { createEgressClient } from '../../core/mcp/egress.ts';
import { createEgressStreams } from '../../core/mcp/egress-stream.ts';
import { until } from '../../test/support/until.ts';
import type { RegistrySnapshot } from '../registry/types.ts';
import { systemClock } from './clock.ts';
import { createDiscovery } from './discovery.ts';
import { readServer } from './read-server.ts';
import { listen, type RealServer, startLegacyServer, startModernServer } from './testdata/real-servers.ts';

const target = { server: 'a', version: '1', cluster: 'mcp.a.1', path: '/mcp', documentHash: 'h' };
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Discovery as it is, but that its pauses are short; and what it saved last. */
function watch(server: Pick<RealServer, 'socketPath' | 'close'>) {
  const networks = parseNetworks(['loopback']);
  if ('problem' in networks) throw new Error(networks.problem);
  const egress = createEgressClient(server.socketPath);
  const streams = createEgressStreams(server.socketPath);
  let discovered: Discovered | null = null;
  const errors: string[] = [];
  const discovery = createDiscovery({
    egress,
    streams,
    networks,
    clock: { ...systemClock, after: (ms, work) => systemClock.after(ms / 50, work) },
    log: pino({ level: 'silent' }),
    random: () => 1,
    onChange: () => {},
    onBlocked: () => {},
    registry: {
      snapshot: () =>
        ({ discoveries: { get: () => ({ discovered }) }, find: () => undefined }) as unknown as RegistrySnapshot,
      async saveDiscovery(_server, _version, outcome) {
        if (outcome.ok) discovered = outcome.discovered;
        else errors.push(outcome.error);
        return { changed: true, revision: 1 };
      },
    },
  });
  discovery.sync([target]);
  closers.push(server.close, egress.close, streams.close, discovery.close);
  return {
    discovery,
    errors,
    tools: () => discovered?.tools.full.map(({ name }) => name) ?? [],
    versions: () => discovered?.protocolVersions ?? [],
  };
}

/** Until somebody listens nobody can be told; then one word is enough. */
async function newToolIsRead(server: RealServer, tools: () => readonly unknown[]): Promise<void> {
  let added = 0;
  await until(
    'a new tool',
    () => {
      if (tools().length === 1) server.addTool(`new${added++}`);
      return tools();
    },
    (found) => found.length > 1,
  );
}

describe('a change of the real server is read', () => {
  test.each<[string, () => Promise<RealServer>]>([
    ['of the legacy era, by its GET stream', startLegacyServer],
    ['of both eras, by its subscription', () => startModernServer('stateless')],
  ])('%s', async (_, start) => {
    const server = await start();
    const { discovery, tools, versions } = watch(server);
    await until('its versions are known', versions, (found) => found.length > 2);
    expect(tools()).toEqual(['first']);
    await newToolIsRead(server, tools);
    await discovery.close();
    expect(server.sessions()).toBe(0);
  });
});

describe('a real server of the modern era alone', () => {
  test('is read in its own era, and a change of it by its subscription', async () => {
    const server = await startModernServer('reject');
    const { tools, versions, discovery, errors } = watch(server);
    await until('the first tool', tools, (found) => found.length === 1);
    await until('its versions', versions, (found) => found.length > 0);
    expect(versions()).toEqual(['2026-07-28']);
    await newToolIsRead(server, tools);
    expect(errors).toEqual([]);
    expect(discovery.unread()).toEqual([]);
  });

  test('is known by its version, its name and what it can do', async () => {
    const server = await startModernServer('reject');
    const egress = createEgressClient(server.socketPath);
    closers.push(server.close, egress.close);
    expect(await readServer(egress, target, Date.now)).toMatchObject({
      ok: true,
      discovered: {
        protocolVersion: '2026-07-28',
        serverInfo: { name: 'modern', version: '1' },
        capabilities: { tools: {} },
        tools: { bare: [{ name: 'first' }], full: [{ name: 'first' }] },
      },
    });
  });
});

test.each([301, 302, 303, 307, 308])('a redirect (%i) to a secret on loopback is never followed', async (status) => {
  let asked = 0;
  const secret = http.createServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{}}}',
    );
  });
  await new Promise<void>((resolve) => secret.listen(0, '127.0.0.1', resolve));
  const { port } = secret.address() as { port: number };
  const server = await listen((request, response) => {
    request.resume();
    response.writeHead(status, { location: `http://127.0.0.1:${port}/latest/credentials`, 'mcp-session-id': 's' });
    response.end();
  });
  const egress = createEgressClient(server.socketPath);
  closers.push(() => secret.close(), server.close, egress.close);
  expect(await readServer(egress, target, Date.now)).toEqual({
    ok: false,
    error: `initialize: it answers with a redirect (HTTP ${status}), which is never followed: register where it leads to`,
  });
  expect(asked).toBe(0);
});

describe('a backend that answers oddly cannot be read, and says why', () => {
  test.each<[string, http.RequestListener, string]>([
    [
      'a web page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'initialize: found "text/html", wanted application/json or text/event-stream: is /mcp an MCP endpoint?',
    ],
    [
      'no JSON',
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
      'initialize: the body is not a JSON object: is /mcp an MCP endpoint?',
    ],
    [
      'a list of messages',
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1,"result":{}}]'),
      'initialize: the body is not a JSON object: is /mcp an MCP endpoint?',
    ],
    [
      'a stream without the answer',
      (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"method":"x"}\n\n'),
      'initialize: the event stream ended without a response',
    ],
    [
      'more than anybody reads',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('x'.repeat(LIMITS.backendAnswerBytesMax + 1));
      },
      `initialize: more than ${LIMITS.backendAnswerBytesMax} bytes`,
    ],
    ['a broken connection', (request) => request.socket.destroy(), 'initialize: socket hang up'],
  ])('%s', async (_, handle, error) => {
    const server = await listen((request, response) => {
      request.resume();
      handle(request, response);
    });
    const egress = createEgressClient(server.socketPath);
    closers.push(server.close, egress.close);
    expect(await readServer(egress, target, Date.now)).toEqual({ ok: false, error });
  });

  test('a byte at a time, for as long as it is listened to', async () => {
    const gone = Promise.withResolvers<void>();
    const server = await listen((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => {
        clearInterval(timer);
        gone.resolve();
      });
    });
    const egress = createEgressClient(server.socketPath);
    closers.push(server.close, egress.close);
    // The clock says that most of the time is over, so that the test need not wait.
    let asked = 0;
    const nowMs = (): number => (asked++ === 0 ? 0 : LIMITS.discoveryDeadlineMs - 50);
    expect(await readServer(egress, target, nowMs)).toEqual({ ok: false, error: 'initialize: no answer within 50 ms' });
    await gone.promise;
  });
});
