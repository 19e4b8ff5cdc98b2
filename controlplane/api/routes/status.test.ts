import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiWorld, discoveredTools, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
let missing: readonly string[];
beforeEach(async () => {
  missing = [];
  world = await openApiWorld({
    missing: () => missing,
    nodes: () => [{ id: 'envoy-1', group: 'envoy', transport: 'unix' }],
    metrics: async () => 'chancery_things 1\n',
  });
});
afterEach(() => world.close());

const endpoints = [{ url: 'http://127.0.0.1:3001/mcp' }];
const put = (...versions: object[]) => world.ask('PUT', '/v1/servers/a', { body: { versions } });
const status = async () => (await world.ask('GET', '/v1/status')).body;

test('it names each version that is reached, and is ready when those that are served are read', async () => {
  await put(
    { version: '1', endpoints },
    { version: '2', state: 'staging', endpoints },
    { version: '3', state: 'requested', endpoints },
  );
  const unread = { discovered: false, tools: 0 };
  expect(await status()).toMatchObject({
    revision: 1,
    ready: false,
    missing: [],
    servers: [
      { name: 'a', version: '1', state: 'active', ...unread },
      { name: 'a', version: '2', state: 'staging', ...unread },
    ],
  });
  await world.registry.saveDiscovery('a', '1', { ok: true, discovered: discoveredTools('x') });
  expect(await status()).toMatchObject({ revision: 2, ready: true, servers: [{ discovered: true, tools: 1 }, unread] });
  missing = ['envoy is not connected'];
  expect(await status()).toMatchObject({ ready: false, missing });
});

test('of the nodes is what the xDS server says', async () => {
  expect((await world.ask('GET', '/v1/nodes')).body).toEqual({
    items: [{ id: 'envoy-1', group: 'envoy', transport: 'unix' }],
  });
});

test('of the metrics is text, for those who may read', async () => {
  const answer = await world.ask('GET', '/metrics', { as: await world.keyOf('viewer') });
  expect([answer.status, answer.type, answer.text]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
    'chancery_things 1\n',
  ]);
  expect((await world.ask('GET', '/metrics', { headers: { authorization: undefined } })).status).toBe(401);
});

test('is headed like it is got', async () => {
  const answer = await world.ask('HEAD', '/v1/status');
  expect([answer.status, answer.type, answer.text]).toEqual([200, 'application/json', '']);
});
