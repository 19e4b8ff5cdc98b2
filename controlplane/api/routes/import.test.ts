import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiWorld, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const SERVER = {
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'io.github.example/weather',
  title: 'Weather',
  description: 'Forecasts.',
  version: '1.2.0',
  remotes: [{ type: 'streamable-http', url: 'https://weather.example.com/mcp' }],
};
const guarded = { ...SERVER, remotes: [{ ...SERVER.remotes[0], headers: [{ name: 'X-Key', isSecret: true }] }] };
const take = (body: object, query = '', as?: string) =>
  world.ask('POST', `/v1/import${query}`, { body, ...(as === undefined ? {} : { as }) });

test('a server.json becomes a server in the state requested', async () => {
  const answer = await take({ server: SERVER, why: 'asked for' });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({
    server: { name: 'weather', title: 'Weather', versions: [{ version: '1.2.0', state: 'requested' }] },
    secrets: [],
    notes: [],
  });
  expect(world.published).toEqual([1]);
  expect((await world.ask('GET', '/v1/log')).body.items.at(-1)).toMatchObject({ why: 'asked for', change: 'created' });
});

test('a version that is new is added to the server, and one that is there is refused', async () => {
  await take({ server: SERVER });
  await world.ask('POST', '/v1/servers/weather/versions/1.2.0/transition', { body: { to: 'in-review', why: 'x' } });
  const next = await take({ server: { ...SERVER, version: '1.3.0', description: 'Better forecasts.' } });
  expect(next.body.server).toMatchObject({
    description: 'Forecasts.',
    versions: [
      { version: '1.2.0', state: 'in-review' },
      { version: '1.3.0', state: 'requested' },
    ],
  });
  expect(await take({ server: SERVER })).toMatchObject({
    status: 422,
    body: {
      problems: [{ path: ['server', 'version'], message: 'the server "weather" has a version "1.2.0" already' }],
    },
  });
});

test('a secret that is missing is named, with what would have been made', async () => {
  expect(await take({ server: guarded })).toMatchObject({
    status: 422,
    body: { code: 'invalid_documents', secrets: ['weather-x-key'], server: { name: 'weather' } },
  });
  await world.ask('PUT', '/v1/secrets/weather-x-key', { body: { value: 'x' } });
  expect((await take({ server: guarded })).status).toBe(201);
});

test('it can be tried', async () => {
  const { status, body } = await take({ server: SERVER, name: 'mine' }, '?dryRun=true');
  expect([status, body.dryRun, body.server.name, body.changes[0].change]).toEqual([200, true, 'mine', 'created']);
  expect(world.registry.snapshot().revision).toBe(0);
});

test.each<[string, object, number]>([
  ['no server.json', {}, 400],
  ['a name that is none', { server: { ...SERVER, name: 'weather' } }, 400],
  ['a name here that is none', { server: SERVER, name: 'A B' }, 400],
  ['two choices', { server: SERVER, remote: 0, package: 0 }, 400],
  [
    'an address inside a network that is not allowed',
    { server: { ...SERVER, remotes: [{ type: 'streamable-http', url: 'http://169.254.169.254/latest' }] } },
    422,
  ],
  ['nothing to reach', { server: { ...SERVER, remotes: [] } }, 422],
])('%s is refused', async (_, body, status) => {
  expect((await take(body)).status).toBe(status);
  expect(world.registry.snapshot().revision).toBe(0);
});

test('only those who may write servers may', async () => {
  for (const [role, status] of [
    ['viewer', 403],
    ['security', 403],
    ['operator', 201],
  ] as const)
    expect((await take({ server: SERVER }, '', await world.keyOf(role))).status).toBe(status);
});
