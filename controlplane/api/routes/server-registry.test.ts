import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiWorld, type Asked, openApiWorld, START_MS } from '../../../test/support/api-world.ts';
import { OFFICIAL_META, publishedListSchema, publishedSchema } from '../server-registry/server-json.ts';

const SETTINGS = { publicUrl: 'https://mcp.example.com' };
let world: ApiWorld;
const endpoints = [{ url: 'http://127.0.0.1:3001/mcp' }];
const versions = (...states: string[]) =>
  states.map((state, index) => ({ version: String(index + 1), state, endpoints }));
const server = (name: string, ...states: string[]) => ({ kind: 'Server', name, versions: versions(...states) });
const surface = (name: string, servers: string[], rest: object = {}) => ({
  kind: 'Surface',
  name,
  servers: servers.map((each) => ({ server: each })),
  ...rest,
});

async function open(settings: object = {}): Promise<void> {
  world = await openApiWorld({ settings: { ...SETTINGS, ...settings } });
  const documents = [
    server('alone', 'active'),
    { ...server('both', 'active', 'staging'), title: 'Both', description: 'd'.repeat(300) },
    server('hidden', 'active'),
    server('new', 'requested'),
    surface('default', ['both', 'alone']),
    surface('zz', ['both']),
    surface('open', ['both', 'new'], { auth: 'none' }),
  ];
  expect((await world.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
}
beforeEach(() => open());
afterEach(() => world.close());

const get = (path: string, headers: Record<string, string | undefined> = {}) => world.ask('GET', path, { headers });
const listed = ({ body }: Asked): string[] =>
  publishedListSchema.parse(body).servers.map(({ server: { name, version } }) => `${name} ${version}`);
const latest = async (name: string) =>
  publishedSchema.parse((await get(`/v0.1/servers/com.example.mcp%2F${name}/versions/latest`)).body);
const step = (name: string, version: string, to: string) =>
  world.ask('POST', `/v1/servers/${name}/versions/${version}/transition`, { body: { to, why: 'x' } });

describe('a server', () => {
  test('is shown with the surfaces that have it: alone first, and how they are opened', async () => {
    const { server: found } = await latest('both');
    expect(found).toMatchObject({ name: 'com.example.mcp/both', title: 'Both', version: '1' });
    expect(found.description).toHaveLength(100);
    const header = { name: 'Authorization', isRequired: true, isSecret: true };
    expect(found.remotes).toMatchObject([
      { type: 'streamable-http', url: 'https://mcp.example.com/mcp/zz', headers: [header] },
      { url: 'https://mcp.example.com/mcp', headers: [header] },
      { url: 'https://mcp.example.com/mcp/open' },
    ]);
    expect(found.remotes[2]).not.toHaveProperty('headers');
    expect(JSON.stringify(found)).not.toContain('3001');
  });

  test('that no surface has, or that is not served yet, is not shown', async () => {
    expect(listed(await get('/v0.1/servers'))).toEqual(['com.example.mcp/alone 1', 'com.example.mcp/both 1']);
    for (const name of ['hidden', 'new', 'nobody'])
      expect((await get(`/v0.1/servers/com.example.mcp%2F${name}/versions/latest`)).status).toBe(404);
  });

  test('is active, deprecated or deleted as its versions live', async () => {
    world.clock.nowMs += 1_000;
    await step('both', '2', 'active');
    const [first, after] = [0, 1_000].map((ms) => new Date(START_MS + ms).toISOString());
    const all = publishedListSchema.parse((await get('/v0.1/servers/com.example.mcp%2Fboth/versions')).body);
    expect(all.servers.map(({ server: { version }, _meta }) => [version, _meta[OFFICIAL_META]])).toMatchObject([
      ['2', { status: 'active', isLatest: true, publishedAt: after, updatedAt: after }],
      ['1', { status: 'deprecated', isLatest: false, publishedAt: first, statusChangedAt: after }],
    ]);
    await step('both', '1', 'decommissioned');
    const path = '/v0.1/servers/com.example.mcp%2Fboth/versions';
    expect(listed(await get(path))).toEqual(['com.example.mcp/both 2']);
    expect(listed(await get(`${path}?include_deleted=true`)).length).toBe(2);
    expect((await get(`${path}/1`)).status).toBe(404);
    expect((await get(`${path}/1?include_deleted=true`)).body._meta[OFFICIAL_META].status).toBe('deleted');
  });

  test.each([
    ['com.example.mcp%2Fboth/versions/9', 'a version that is not there'],
    ['com.example%2Fboth/versions/latest', 'another namespace'],
    ['both/versions/latest', 'no namespace'],
    ['%FF/versions/latest', 'a name that is none'],
  ])('%s: %s is not found, in words that clients know', async (path) => {
    const answer = await get(`/v0.1/servers/${path}`);
    expect([answer.status, answer.type, Object.keys(answer.body)]).toEqual([404, 'application/json', ['error']]);
  });
});

describe('the list', () => {
  test('comes in pages', async () => {
    const first = await get('/v0.1/servers?limit=1');
    expect([listed(first), first.body.metadata.count]).toEqual([['com.example.mcp/alone 1'], 1]);
    const second = await get(`/v0.1/servers?limit=1&cursor=${first.body.metadata.nextCursor}`);
    expect([listed(second), second.body.metadata.nextCursor]).toEqual([['com.example.mcp/both 1'], undefined]);
    expect((await get('/v0.1/servers?cursor=forged')).status).toBe(400);
  });

  test('is searched, and chosen by version and time', async () => {
    world.clock.nowMs += 60_000;
    await step('both', '2', 'active');
    const since = new Date(START_MS + 30_000).toISOString();
    const both = 'com.example.mcp/both';
    for (const [query, wanted] of [
      ['search=BOT', [`${both} 1`, `${both} 2`]],
      ['search=nothing', []],
      ['version=latest', ['com.example.mcp/alone 1', `${both} 2`]],
      ['version=1', ['com.example.mcp/alone 1', `${both} 1`]],
      [`updated_since=${since}`, [`${both} 1`, `${both} 2`]],
      ['a_later_parameter=1&version=2', [`${both} 2`]],
    ] as const)
      expect([query, listed(await get(`/v0.1/servers?${query}`))]).toEqual([query, wanted]);
    await step('both', '1', 'decommissioned');
    expect(listed(await get('/v0.1/servers?search=both'))).toEqual([`${both} 2`]);
    expect(listed(await get(`/v0.1/servers?updated_since=${since}`))).toEqual([`${both} 1`, `${both} 2`]);
  });

  test.each(['limit=0', 'limit=x', 'updated_since=yesterday', 'include_deleted=maybe'])(
    '%s is refused',
    async (query) => {
      const answer = await get(`/v0.1/servers?${query}`);
      expect([answer.status, Object.keys(answer.body)]).toEqual([400, ['error']]);
    },
  );
});

describe('who may read', () => {
  const nobody = { authorization: undefined };

  test('is everybody with a role, and nobody else', async () => {
    const answer = await get('/v0.1/servers', nobody);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([401, null]);
    expect((await world.ask('GET', '/v0.1/servers', { as: await world.keyOf('viewer') })).status).toBe(200);
  });

  test('is everybody where the setting says so, web pages too; but only these reads', async () => {
    await world.close();
    await open({ registryAnonymous: true });
    const page = { ...nobody, origin: 'https://client.example', 'sec-fetch-site': 'cross-site' };
    const answer = await get('/v0.1/servers', page);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    const missing = await get('/v0.1/servers/com.example.mcp%2Fnobody/versions/latest', page);
    expect([missing.status, missing.headers.get('access-control-allow-origin')]).toEqual([404, '*']);
    expect((await get('/v0.1/servers', { ...page, host: 'evil.example' })).status).toBe(421);
    expect((await get('/v0.1/servers', { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await get('/v1/servers', nobody)).status).toBe(401);
    expect((await get('/v0.1/nothing', nobody)).status).toBe(401);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      expect((await world.ask(method, '/v0.1/servers', { headers: nobody })).status).toBe(401);
  });

  test.each([
    ['POST', '/v0.1/publish'],
    ['PUT', '/v0.1/servers/a%2Fb/versions/1'],
    ['DELETE', '/v0.1/servers/a%2Fb/versions/1'],
    ['PATCH', '/v0.1/servers/a%2Fb/versions/1/status'],
    ['PATCH', '/v0.1/servers/a%2Fb/status'],
  ])('%s %s is not implemented', async (method, path) => {
    const answer = await world.ask(method, path, { body: {} });
    expect([answer.status, Object.keys(answer.body)]).toEqual([501, ['error']]);
    expect((await world.ask('POST', '/v0.1/servers', { body: {} })).status).toBe(405);
  });
});

test.each([
  ['', 'https://mcp.example.com', 'com.example.mcp'],
  ['org.example.tools', 'https://mcp.example.com', 'org.example.tools'],
  ['', 'http://127.0.0.1:10000', '127.0.0.1'],
  ['', 'http://[::1]:10000', '1'],
  ['', 'http://localhost:10000', 'localhost'],
])('the namespace of the setting %j at %s is %s', async (registryNamespace, publicUrl, wanted) => {
  await world.close();
  await open({ registryNamespace, publicUrl });
  expect(listed(await get('/v0.1/servers?search=alone'))).toEqual([`${wanted}/alone 1`]);
});
