import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiWorld, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const middleware = 'policies:\n  - match: Equals(`mcp.params.name`, `read`)\n    action: allow\ndefaultAction: deny\n';
const take = (body: object, query = '') => world.ask('POST', `/v1/import/traefik-tbac${query}`, { body });

test('a middleware becomes a policy', async () => {
  const answer = await take({ middleware, name: 'shop', server: 'shop', why: 'moved' });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({
    policy: { name: 'shop', mode: 'enforce', rules: [{ id: 'p1-tools', tools: ['shop/read'] }, { id: 'p1-prompts' }] },
    notes: expect.arrayContaining([expect.stringContaining('a list shows what may be called')]),
  });
  expect((await world.ask('GET', '/v1/policies/shop')).status).toBe(200);
});

test('tried first, it is not written', async () => {
  const answer = await take({ middleware, name: 'shop' }, '?dryRun=true');
  expect(answer).toMatchObject({ status: 200, body: { dryRun: true, policy: { name: 'shop' } } });
  expect((await world.ask('GET', '/v1/policies/shop')).status).toBe(404);
});

test('what has no translation is refused with its place', async () => {
  expect(await take({ middleware: middleware.replace('Equals', 'Matches') })).toMatchObject({
    status: 422,
    body: {
      problems: [{ path: ['middleware'], message: expect.stringContaining('line 2, column 12: there is no function') }],
    },
  });
});
