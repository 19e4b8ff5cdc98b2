import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../core/limits.ts';
import { type ApiWorld, openApiWorld, START_MS } from '../../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const create = (body: object, as?: string) =>
  world.ask('POST', '/v1/keys', { body, ...(as === undefined ? {} : { as }) });
const agent = (rest: object = {}) => ({ subject: 'robot', ...rest });
const admin = (...roles: string[]) => ({ use: 'admin', subject: 'ci', roles });
const iso = (ms: number): string => new Date(ms).toISOString();

describe('a key', () => {
  test('of an agent is shown once', async () => {
    const { status, body } = await create(agent({ groups: ['reports'], surfaces: ['default'], why: 'a report' }));
    expect(status).toBe(201);
    expect(body).toMatchObject({
      key: expect.stringMatching(/^chk_[0-9a-f]{8}_/),
      use: 'agent',
      subject: 'robot',
      groups: ['reports'],
      surfaces: ['default'],
      roles: [],
      createdBy: 'operator-token',
      createdAt: iso(START_MS),
      expiresAt: iso(START_MS + LIMITS.apiKeyTtlMs),
    });
    const list = await world.ask('GET', '/v1/keys');
    expect(list.body.items).toMatchObject([{ id: body.id, prefix: `chk_${body.id}` }]);
    expect(list.text).not.toContain(body.key);
    expect((await world.ask('GET', '/v1/log?kind=ApiKey')).body.items).toMatchObject([
      { name: body.id, why: 'a report' },
    ]);
    expect(world.published).toEqual([1]);
    expect((await world.ask('GET', '/v1/servers', { as: body.key })).status).toBe(401);
  });

  test('of an agent is for all surfaces unless it says which', async () => {
    expect((await create(agent())).body.surfaces).toEqual(['*']);
    expect((await create(agent({ surfaces: [] }))).body.surfaces).toEqual([]);
  });

  test('of an administrator opens this API, says who, and notes its use', async () => {
    const { body } = await create(admin('operator'));
    world.clock.nowMs += 5_000;
    const put = { versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }] };
    expect((await world.ask('PUT', '/v1/servers/a', { body: put, as: body.key })).status).toBe(201);
    expect((await world.ask('GET', '/v1/log?kind=Server')).body.items.at(-1)).toMatchObject({
      who: `key:${body.prefix}`,
    });
    const [shown] = (await world.ask('GET', '/v1/keys')).body.items;
    expect(shown.lastUsedAt).toBe(iso(START_MS + 5_000));
  });

  test('has its use noted once in a while, so that reading is not writing', async () => {
    const { body } = await create(admin('viewer'));
    const read = async (afterMs: number): Promise<string> => {
      world.clock.nowMs += afterMs;
      expect((await world.ask('GET', '/v1/servers', { as: body.key })).status).toBe(200);
      // Writes go one after the other.
      await world.registry.touchKeys(new Map());
      return (await world.ask('GET', '/v1/keys')).body.items[0].lastUsedAt;
    };
    expect(await read(1_000)).toBe(iso(START_MS + 1_000));
    expect(await read(LIMITS.keyUseIntervalMs - 1)).toBe(iso(START_MS + 1_000));
    expect(await read(1)).toBe(iso(START_MS + 1_000 + LIMITS.keyUseIntervalMs));
  });

  test('that is revoked or expired opens nothing, and stays in the list', async () => {
    const revoked = (await create(admin('viewer'))).body;
    const expired = (await create({ ...admin('viewer'), expiresAt: iso(START_MS + 1_000) })).body;
    expect((await world.ask('DELETE', `/v1/keys/${revoked.id}`)).status).toBe(204);
    world.clock.nowMs += 1_000;
    for (const { key } of [revoked, expired])
      expect((await world.ask('GET', '/v1/servers', { as: key })).status).toBe(401);
    expect((await world.ask('DELETE', `/v1/keys/${revoked.id}`)).status).toBe(404);
    expect((await world.ask('GET', '/v1/keys')).body.items.length).toBe(2);
  });

  test('is listed in pages, newest first', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      ids.unshift((await create(agent())).body.id);
      world.clock.nowMs += 1;
    }
    const seen: string[] = [];
    let query = '?limit=2';
    for (let page = 0; page < 3; page += 1) {
      const { body } = await world.ask('GET', `/v1/keys${query}`);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      query = `?limit=2&cursor=${body.next}`;
    }
    expect(seen).toEqual(ids);
  });

  test.each<[string, object, string]>([
    ['without a subject', {}, 'subject'],
    ['with an empty subject', agent({ subject: '' }), 'subject'],
    ['with a subject that hides', agent({ subject: 'a\u202eb' }), 'subject'],
    ['of an agent with roles', agent({ roles: ['viewer'] }), 'roles'],
    ['of an administrator without roles', admin(), 'roles'],
    ['of an administrator with unknown roles', admin('root'), 'roles'],
    ['of an administrator with surfaces', { ...admin('viewer'), surfaces: ['*'] }, 'surfaces'],
    ['that has expired', agent({ expiresAt: iso(START_MS) }), 'expiresAt'],
    ['that never ends', agent({ expiresAt: iso(START_MS + LIMITS.apiKeyTtlMaxMs + 1) }), 'expiresAt'],
    ['that ends some day', agent({ expiresAt: 'tomorrow' }), 'expiresAt'],
    ['with its own id', agent({ id: 'mine' }), ''],
  ])('%s is not made', async (_, body, member) => {
    const answer = await create(body);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
    expect(answer.body.detail).toContain(member);
    expect(world.registry.keys()).toEqual([]);
  });
});

describe('who makes and revokes keys', () => {
  test.each([
    ['viewer', 403, 403],
    ['operator', 403, 403],
    ['security', 201, 403],
    ['admin', 201, 201],
  ] as const)('%s: an agent %d, an administrator %d', async (role, forAgent, forAdmin) => {
    const as = await world.keyOf(role);
    expect((await create(agent(), as)).status).toBe(forAgent);
    expect((await create(admin('viewer'), as)).status).toBe(forAdmin);
    const ids = [(await create(agent())).body.id, (await create(admin('viewer'))).body.id];
    const found = [];
    for (const id of ids) found.push((await world.ask('DELETE', `/v1/keys/${id}`, { as })).status);
    expect(found).toEqual([forAgent, forAdmin].map((status) => (status === 201 ? 204 : 403)));
  });
});
