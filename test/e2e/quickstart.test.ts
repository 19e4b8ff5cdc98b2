// Decides that the main job works: unmodified clients reach three real servers through a real Envoy.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectLegacy, connectModern, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack();
  token = await stack.token();
});
afterAll(async () => {
  expect(await stack?.stop()).toBe(0);
  stack?.remove();
});

// Version 1 takes the result's schema before the options, version 2 does not.
const GENERATIONS = [
  {
    name: '@modelcontextprotocol/sdk 1.32',
    connect: () => connectLegacy(stack.mcp(), token),
    before: [undefined],
    session: true,
  },
  {
    name: '@modelcontextprotocol/client 2.4',
    connect: () => connectModern(stack.mcp(), token),
    before: [],
    session: true,
  },
  {
    name: '@modelcontextprotocol/client 2.4, asking for the modern era first',
    connect: () => connectModern(stack.mcp(), token, 'auto'),
    before: [],
    session: false,
  },
] as const;

for (const { name, connect, before, session } of GENERATIONS) {
  describe(name, () => {
    test('does the main job', async () => {
      const { client, transport, seen } = await connect();
      if (session) expect(transport.sessionId).toMatch(/^chs1\.[\w-]+\.[\w-]+$/);
      else expect(transport.sessionId).toBeUndefined();
      const { tools } = await client.listTools();
      const names = tools.map((tool) => tool.name);
      for (const expected of ['everything__echo', 'filesystem__read_text_file', 'memory__read_graph'])
        expect(names).toContain(expected);
      expect(names.every((each) => /^(everything|filesystem|memory)__/.test(each))).toBe(true);
      expect(names).not.toContain('memory__delete_entities');

      const echo = await client.callTool({ name: 'everything__echo', arguments: { message: 'hello' } });
      expect(texts(echo)).toContain('hello');
      const folder = await client.callTool({ name: 'filesystem__list_allowed_directories', arguments: {} });
      expect(texts(folder)).toContain('examples');
      const graph = await client.callTool({ name: 'memory__read_graph', arguments: {} });
      expect(texts(graph)).toContain('entities');

      const progress: number[] = [];
      const long = await client.callTool(
        { name: 'everything__trigger-long-running-operation', arguments: { duration: 1, steps: 3 } },
        ...([...before, { onprogress: (step: { progress: number }) => progress.push(step.progress) }] as never[]),
      );
      expect(texts(long)).toContain('completed');
      expect(progress.length).toBeGreaterThan(0);

      await expect(
        client.callTool({ name: 'memory__delete_entities', arguments: { entityNames: ['x'] } }),
      ).rejects.toMatchObject({ code: -32602 });
      await transport.terminateSession();
      await client.close();
      for (const { headers } of seen.responses) {
        const leaked = [...headers.keys()].filter((key) => key.startsWith('x-chancery') || key.startsWith('x-envoy'));
        expect(leaked).toEqual([]);
      }
    });
  });
}

test('the reason of a denial is in the log, and not in the answer', async () => {
  const session = await openSession(stack.mcp(), token);
  const response = await raw(stack.mcp(), {
    token,
    session,
    body: request(7, 'tools/call', { name: 'memory__delete_entities', arguments: {} }),
  });
  expect(response.status).toBe(200);
  const answer = await rpc(response);
  expect(answer).toMatchObject({ id: 7, error: { code: -32602 } });
  const denials = stack
    .log('ext-proc')
    .split('\n')
    .filter((line) => line.includes('a policy denied a call'));
  const last = JSON.parse(denials.at(-1) ?? '{}');
  expect(last).toMatchObject({ subject: 'agent', target: 'memory__delete_entities', surface: 'default' });
  expect(last.rules).toEqual(['example/keep-memories']);
  expect(last.reason).not.toBe('');
  expect(answer.error?.message).not.toContain(last.reason);
});

test('without a token there is a challenge', async () => {
  const response = await raw(stack.mcp(), { body: request(1, 'ping') });
  expect(response.status).toBe(401);
  const challenge = response.headers.get('www-authenticate') ?? '';
  expect(challenge).toMatch(/^Bearer /);
  const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
  expect(await (await fetch(url)).json()).toMatchObject({ resource: stack.mcp() });
});

test('an ended session is 404, and stays so after ext-proc was killed', async () => {
  const session = await openSession(stack.mcp(), token);
  expect((await raw(stack.mcp(), { token, session, body: request(1, 'ping') })).status).toBe(200);
  expect((await raw(stack.mcp(), { method: 'DELETE', token, session })).status).toBe(200);
  expect((await raw(stack.mcp(), { token, session, body: request(2, 'ping') })).status).toBe(404);
});

test('events of an answer arrive while the call goes on', async () => {
  const session = await openSession(stack.mcp(), token);
  const params = {
    name: 'everything__trigger-long-running-operation',
    arguments: { duration: 2, steps: 4 },
    _meta: { progressToken: 'p' },
  };
  const response = await raw(stack.mcp(), { token, session, body: request('long', 'tools/call', params) });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect(response.headers.get('mcp-session-id')).toBeNull();
  const chunks: string[] = [];
  for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk).toString());
  // One chunk for each event: nothing was held back until the end.
  expect(chunks.filter((chunk) => chunk.includes('notifications/progress')).length).toBeGreaterThanOrEqual(3);
  expect(chunks.at(-1)).toContain('"id":"long"');
});
