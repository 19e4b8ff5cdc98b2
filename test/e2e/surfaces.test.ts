// Decides that both services give the same decisions, and that a surface is what it says.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacy, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
});

const CALLS = [
  { name: 'everything__echo', arguments: { message: 'x' } },
  { name: 'memory__read_graph', arguments: {} },
  { name: 'memory__delete_entities', arguments: { entityNames: [] } },
  { name: 'memory__no_such_tool', arguments: {} },
  { name: 'nobody__echo', arguments: {} },
];

test('the surface where ext-authz decides gives the same decisions as the one where ext-proc does', async () => {
  for (const surface of ['default', 'review']) {
    const token = await stack.token(surface);
    const { client, transport } = await connectLegacy(stack.mcp(surface), token);
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names, surface).toContain('memory__read_graph');
    expect(names, surface).not.toContain('memory__delete_entities');
    await transport.close();
  }
  const outcomes = await Promise.all(
    ['default', 'review'].map(async (surface) => {
      const token = await stack.token(surface);
      const session = await openSession(stack.mcp(surface), token);
      return Promise.all(
        CALLS.map(async (params, index) => {
          const response = await raw(stack.mcp(surface), {
            token,
            session,
            body: request(index, 'tools/call', params),
          });
          const { id, error } = await rpc(response);
          return { status: response.status, id, error };
        }),
      );
    }),
  );
  expect(outcomes[1]).toEqual(outcomes[0]);
  expect(outcomes[0]?.map(({ error }) => error?.code)).toEqual([undefined, undefined, -32602, -32602, -32602]);
  await stack.logged('ext-authz', 'memory__delete_entities');
});

test('GET /v1/surfaces/<surface>/tools passes Envoy and ext-authz, and shows what this caller may see', async () => {
  const url = `${stack.gateway}/v1/surfaces/default/tools`;
  const token = await stack.token();
  const response = await raw(url, { method: 'GET', token });
  expect(response.status).toBe(200);
  const { tools } = (await response.json()) as { tools: { name: string }[] };
  expect(tools.map(({ name }) => name)).toContain('everything__echo');
  expect(tools.map(({ name }) => name)).not.toContain('memory__delete_entities');
  expect((await raw(url, { method: 'GET' })).status).toBe(401);
  expect((await raw(url, { method: 'GET', token: await stack.token('review') })).status).toBe(401);
  expect((await raw(url, { method: 'POST', token, body: {} })).status).toBe(405);
  expect((await raw(`${stack.gateway}/v1/surfaces/none/tools`, { method: 'GET', token })).status).toBe(404);
});

test('a token is good for one surface, and a session for one surface and one principal', async () => {
  const token = await stack.token();
  const session = await openSession(stack.mcp(), token);
  expect((await raw(stack.mcp('review'), { token, body: request(1, 'ping') })).status).toBe(401);
  expect(
    (await raw(stack.mcp(), { token: await stack.token('default', 'mallory'), session, body: request(1, 'ping') }))
      .status,
  ).toBe(404);
  expect(
    (await raw(stack.mcp('review'), { token: await stack.token('review'), session, body: request(1, 'ping') })).status,
  ).toBe(404);
  // In the middle: the last character of base64url has bits that mean nothing.
  const middle = Math.floor(session.length / 2);
  const altered = `${session.slice(0, middle)}${session[middle] === 'A' ? 'B' : 'A'}${session.slice(middle + 1)}`;
  expect((await raw(stack.mcp(), { token, session: altered, body: request(1, 'ping') })).status).toBe(404);
  await stack.logged('ext-proc', 'wrong_principal', 'wrong_surface', 'forged');
});

test('a surface with auth: none needs no token; one server keeps its own names', async () => {
  const put = await stack.api('PUT', '/v1/surfaces/open', {
    auth: 'none',
    servers: [{ server: 'everything', tools: ['echo', 'get-*'] }],
  });
  expect(put.status).toBe(201);
  await until(
    'the surface is there',
    async () => (await raw(stack.mcp('open'), { body: request(1, 'ping') })).status,
    (status) => status === 400,
  );
  const session = await openSession(stack.mcp('open'));
  const { result } = await rpc(await raw(stack.mcp('open'), { session, body: request(2, 'tools/list') }));
  const names = ((result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
  expect(names).toContain('echo');
  expect(names.every((name) => name === 'echo' || name.startsWith('get-'))).toBe(true);
  const echo = await rpc(
    await raw(stack.mcp('open'), {
      session,
      body: request(3, 'tools/call', { name: 'echo', arguments: { message: 'bare' } }),
    }),
  );
  expect(texts(echo.result)).toContain('bare');
});

test('replicas share the sessions of a server, and each session stays with its own', async () => {
  const token = await stack.token();
  const session = async (): Promise<string> => {
    const opened = await openSession(stack.mcp(), token);
    for (let id = 0; id < 3; id++) {
      const answer = await rpc(
        await raw(stack.mcp(), {
          token,
          session: opened,
          body: request(id, 'tools/call', { name: 'everything__echo', arguments: { message: 'm' } }),
        }),
      );
      expect(answer.error).toBeUndefined();
    }
    return opened;
  };
  for (let round = 0; round < 6; round++) await session();
  // Envoy writes its log from time to time.
  const lines = await until(
    'every call is in the access log',
    () =>
      stack
        .log('access')
        .split('\n')
        .filter(
          (line) =>
            line.includes('"listener":"chancery_ingress"') &&
            line.includes('"server":"everything"') &&
            line.endsWith('}'),
        )
        .map((line) => JSON.parse(line)),
    (seen) => seen.length >= 18,
  );
  const replicas = new Set(lines.map(({ replica }) => replica));
  expect(replicas.size).toBe(2);
  expect(lines.every(({ attempts }) => Number(attempts) === 1)).toBe(true);
});
