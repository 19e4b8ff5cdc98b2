import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  answered,
  catalogOf,
  goodBackend,
  readAs,
  stateOf,
  TOKEN_ID,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { openInto } from './lookup.ts';

const CLUSTER = 'mcp.memory.1';
let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

/** What the new session is told, after its `initialize`. */
async function opened(capabilities: object): Promise<unknown[]> {
  world.catalog = catalogOf({ servers: [readAs('memory', ['a'], { capabilities: capabilities as never })] });
  const version = world.catalog.servers.get('memory')!.versions[0]!;
  const sessionId = await openInto(world.gateway, stateOf(), version, 'memory-session', undefined);
  expect(world.sent.slice(2).every((request) => request.sessionId === sessionId)).toBe(true);
  return world.sent.slice(2).map(({ body }) => {
    const { method, params } = JSON.parse(body ?? '') as { method: string; params: object };
    return [method, params];
  });
}

test('a session that takes the place of another is told the log level and what is subscribed to', async () => {
  world.gateway.bridges.levels.set(TOKEN_ID, 'error');
  world.gateway.bridges.subscriptions.add(TOKEN_ID, CLUSTER, 'test://a');
  world.gateway.bridges.subscriptions.add(TOKEN_ID, CLUSTER, 'test://b');
  world.gateway.bridges.subscriptions.add(TOKEN_ID, 'mcp.files.1', 'test://c');
  const told = await opened({ logging: {}, resources: {} });
  expect(told).toHaveLength(3);
  expect(told).toEqual(
    expect.arrayContaining([
      ['logging/setLevel', { level: 'error' }],
      ['resources/subscribe', { uri: 'test://a' }],
      ['resources/subscribe', { uri: 'test://b' }],
    ]),
  );
});

test('a server that does not log is told no level', async () => {
  world.gateway.bridges.levels.set(TOKEN_ID, 'error');
  expect(await opened({ resources: {} })).toEqual([]);
});

test('of a session of which nothing is known nothing is told', async () => {
  expect(await opened({ logging: {}, resources: {} })).toEqual([]);
});

test('a server that refuses it all has its session nevertheless, and the log says so', async () => {
  world.gateway.bridges.levels.set(TOKEN_ID, 'error');
  world.gateway.bridges.subscriptions.add(TOKEN_ID, CLUSTER, 'test://a');
  const good = goodBackend();
  world.backend = (request) =>
    request.body?.includes('initialize') === true
      ? good(request)
      : request.body?.includes('setLevel') === true
        ? { ...answered({}), message: { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } } as never }
        : { ok: false, status: 500, why: 'status', detail: 'HTTP 500' };
  await opened({ logging: {} });
  const lacking = world.logged.filter(({ msg }) => msg === 'a new backend session lacks something');
  expect(lacking.map(({ what }) => what).toSorted()).toEqual(['log level', 'subscription']);
});
