// Decides that a server registered while everything runs is callable at once, in new and in existing sessions.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacy, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let token: string;
let server: TestServer;
beforeAll(async () => {
  stack = await startStack();
  token = await stack.token();
  server = await startTestServer('newcomer');
});
afterAll(async () => {
  await server?.close();
  await stack?.stop();
  stack?.remove();
});

test('PUT a server, add it to the surface: existing and new sessions call it; a live stream is not cut', async () => {
  const { client, transport } = await connectLegacy(stack.mcp(), token);
  let told = 0;
  client.fallbackNotificationHandler = async ({ method }) => {
    if (method === 'notifications/tools/list_changed') told++;
  };
  const session = await openSession(stack.mcp(), token);
  const live = await raw(stack.mcp(), {
    token,
    session,
    body: request('live', 'tools/call', {
      name: 'everything__trigger-long-running-operation',
      arguments: { duration: 4, steps: 8 },
      _meta: { progressToken: 1 },
    }),
  });
  const streamed = live.text();

  const envoyBefore = stack.pid('envoy');
  expect(
    (await stack.api('PUT', '/v1/servers/newcomer', { versions: [{ version: '1', endpoints: [{ url: server.url }] }] }))
      .status,
  ).toBe(201);
  const surface = (await (await stack.api('GET', '/v1/surfaces/default')).json()) as { servers: object[] };
  const put = await stack.api('PUT', '/v1/surfaces/default', {
    ...surface,
    servers: [...surface.servers, { server: 'newcomer' }],
  });
  expect(put.status).toBe(200);

  const tools = await until(
    'the tool is listed in an existing session',
    async () => (await client.listTools()).tools.map(({ name }) => name),
    (names) => names.includes('newcomer__greet'),
  );
  expect(tools).toContain('everything__echo');
  expect(texts(await client.callTool({ name: 'newcomer__greet', arguments: { who: 'you' } }))).toBe(
    'newcomer greets you',
  );
  await until(
    'the session was told',
    () => told,
    (count) => count > 0,
  );

  const fresh = await openSession(stack.mcp(), token);
  const call = await raw(stack.mcp(), {
    token,
    session: fresh,
    body: request(1, 'tools/call', { name: 'newcomer__greet', arguments: { who: 'me' } }),
  });
  expect(texts((await rpc(call)).result)).toBe('newcomer greets me');

  expect(await streamed).toContain('"id":"live"');
  expect(stack.pid('envoy')).toBe(envoyBefore);
  await transport.close();
});

test('what a backend gets: its own name, its own session, nothing of the client or of us', async () => {
  const session = await openSession(stack.mcp(), token);
  await rpc(
    await raw(stack.mcp(), {
      token,
      session,
      headers: { cookie: 'a=b', 'x-chancery-cluster': 'mcp.memory.2026.8.31', 'x-forwarded-for': '9.9.9.9' },
      body: '{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call","params":{"name":"newcomer__greet","arguments":{"who":"x"},"_meta":{"big":9007199254740993,"extra":{"a":[1.0]}}}}',
    }),
  );
  const seen = server.requests.findLast(({ body }) => body.includes('9007199254740993'));
  expect(seen?.body).toBe(
    '{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call","params":{"name":"greet","arguments":{"who":"x"},"_meta":{"big":9007199254740993,"extra":{"a":[1.0]}}}}',
  );
  const names = Object.keys(seen?.headers ?? {});
  expect(names.filter((name) => /^x-chancery|^x-forwarded|^authorization$|^cookie$|^origin$/.test(name))).toEqual([]);
  expect(seen?.headers['mcp-session-id']).not.toContain('chs1');
  expect(seen?.headers['mcp-session-id']).not.toContain(';UV:');
  expect(seen?.headers.host).toBe(new URL(server.url).host);
});

test('a backend that forgot its sessions is asked again, silently and once', async () => {
  const session = await openSession(stack.mcp(), token);
  const greet = async (id: string) =>
    rpc(
      await raw(stack.mcp(), {
        token,
        session,
        body: request(id, 'tools/call', { name: 'newcomer__greet', arguments: { who: id } }),
      }),
    );
  expect(texts((await greet('before')).result)).toBe('newcomer greets before');
  server.forget();
  const from = server.requests.length;
  const after = await greet('after');
  expect(after.id).toBe('after');
  expect(texts(after.result)).toBe('newcomer greets after');
  const methods = server.requests.slice(from).map(({ body }) => JSON.parse(body).method);
  expect(methods).toEqual(['tools/call', 'ping', 'initialize', 'notifications/initialized', 'tools/call']);
  expect(texts((await greet('again')).result)).toBe('newcomer greets again');
  expect(server.requests.slice(from + methods.length).map(({ body }) => JSON.parse(body).method)).toEqual([
    'tools/call',
  ]);
});

test('a server that goes is gone for everybody, and a surface keeps it from being deleted by accident', async () => {
  expect((await stack.api('DELETE', '/v1/servers/newcomer')).status).toBe(409);
  const surface = (await (await stack.api('GET', '/v1/surfaces/default')).json()) as { servers: { server: string }[] };
  await stack.api('PUT', '/v1/surfaces/default', {
    ...surface,
    servers: surface.servers.filter((member) => member.server !== 'newcomer'),
  });
  expect((await stack.api('DELETE', '/v1/servers/newcomer')).status).toBe(204);
  const session = await openSession(stack.mcp(), token);
  await until(
    'the tool is unknown',
    async () =>
      (
        await rpc(
          await raw(stack.mcp(), {
            token,
            session,
            body: request(1, 'tools/call', { name: 'newcomer__greet', arguments: { who: 'x' } }),
          }),
        )
      ).error?.code,
    (code) => code === -32602,
  );
});
