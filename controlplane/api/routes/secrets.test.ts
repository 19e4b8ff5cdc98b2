import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiWorld, openApiWorld } from '../../../test/support/api-world.ts';

const VALUES = ['first-value-of-a-secret', 'second-value-of-a-secret'] as const;

let world: ApiWorld;
let said: string[];
beforeEach(async () => {
  said = [];
  world = await openApiWorld();
});
afterEach(() => world.close());

async function ask(method: string, path: string, body?: unknown) {
  const answer = await world.ask(method, path, { body });
  said.push(answer.text, JSON.stringify([...answer.headers]));
  return answer;
}

test('the value of a secret is in no answer: not of a read, a write, an error, a diff, the history or an export', async () => {
  const created = await ask('PUT', '/v1/secrets/s', { description: 'a token', value: VALUES[0] });
  expect(created.status).toBe(201);
  expect(created.body).toEqual({
    kind: 'Secret',
    name: 's',
    description: 'a token',
    labels: {},
    type: 'opaque',
    status: { revision: 1, updatedAt: '2026-01-02T00:00:00.000Z' },
  });
  const changed = await ask('PUT', '/v1/secrets/s?dryRun=true', { description: 'a token', value: VALUES[1] });
  expect(changed.body.changes).toEqual([{ kind: 'Secret', name: 's', change: 'updated' }]);
  await ask('PUT', '/v1/secrets/s', { description: 'another', value: VALUES[1] });
  for (const path of ['/v1/secrets', '/v1/secrets/s', '/v1/secrets/s/history', '/v1/export', '/v1/log', '/v1/status'])
    expect((await ask('GET', path)).status).toBe(200);
  for (const body of [
    { value: VALUES[1], colour: 'red' },
    { value: `${VALUES[1]}\n` },
    { value: [VALUES[1]] },
    { type: VALUES[1] },
    { type: 'tls', value: VALUES[1] },
    { value: VALUES[1], certificate: VALUES[0] },
    { labels: VALUES[1] },
  ])
    expect((await ask('PUT', '/v1/secrets/s', body)).status).toBe(422);
  expect((await ask('PUT', '/v1/secrets/s', `{"value":"${VALUES[1]}"`)).status).toBe(400);
  expect((await ask('POST', '/v1/secrets/s/rollback', { revision: 1 })).status).toBe(422);
  expect((await ask('DELETE', '/v1/secrets/s')).status).toBe(204);
  for (const value of VALUES) expect(said.filter((text) => text.includes(value))).toEqual([]);
});

test('without its value it keeps the one it has, and a new one needs one', async () => {
  await ask('PUT', '/v1/secrets/s', { value: VALUES[0] });
  expect((await ask('PUT', '/v1/secrets/s', { description: 'new' })).status).toBe(200);
  expect(world.registry.snapshot().secrets.get('s')).toEqual({ type: 'opaque', value: VALUES[0] });
  expect(await ask('PUT', '/v1/secrets/t', {})).toMatchObject({
    status: 422,
    body: { problems: [{ path: ['value'] }] },
  });
});
