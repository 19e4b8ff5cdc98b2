// Decides that what a server asks its client comes to the client that called it, and that the answer goes to the server that asked, and to no other.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  ListRootsRequestSchema,
  ListRootsResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** What a client that can do everything declares. */
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };

let withdraw = (): void => {};

/** What each server was told of the progress of its own requests. */
const progressOf = new Map<string, unknown[]>();

/** A tool for each thing that a server can ask. Each asks on the stream of the call that caused it. */
function asking(name: string): (server: McpServer) => void {
  return (server) => {
    server.registerTool('roots', {}, async (extra) => {
      const { roots } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema);
      return { content: [{ type: 'text', text: `${name}: ${roots.map(({ uri }) => uri).join(' ')}` }] };
    });
    server.registerTool('sample', {}, async (extra) => {
      const params = {
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text: name } }],
        maxTokens: 9,
      };
      const { content } = await extra.sendRequest(
        { method: 'sampling/createMessage', params },
        CreateMessageResultSchema,
      );
      return { content: [{ type: 'text', text: `${name} got ${JSON.stringify(content)}` }] };
    });
    server.registerTool('elicit', {}, async (extra) => {
      progressOf.set(name, []);
      const params = {
        message: name,
        requestedSchema: { type: 'object' as const, properties: { who: { type: 'string' as const } } },
      };
      const { content } = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema, {
        onprogress: (progress) => void progressOf.get(name)?.push(progress),
      });
      return { content: [{ type: 'text', text: `${name} got ${JSON.stringify(content)}` }] };
    });
    // Takes its question back as soon as the test says so.
    server.registerTool('withdraw', {}, async (extra) => {
      const withdrawn = new AbortController();
      withdraw = () => withdrawn.abort('no longer needed');
      const params = { message: name, requestedSchema: { type: 'object' as const, properties: {} } };
      const asked = extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema, {
        signal: withdrawn.signal,
      });
      await asked.catch(() => undefined);
      return { content: [{ type: 'text', text: `${name} asks no more` }] };
    });
    server.registerTool('hang', {}, async (extra) => {
      const params = { progressToken: extra._meta?.progressToken ?? 'none', progress: 1 };
      await extra.sendNotification({ method: 'notifications/progress', params });
      await new Promise((resolve) => extra.signal.addEventListener('abort', resolve));
      return { content: [] };
    });
    server.registerTool('large', {}, () => ({ content: [{ type: 'text', text: 'x'.repeat(300_000) }] }));
  };
}

let stack: Stack;
let alpha: TestServer;
let beta: TestServer;
beforeAll(async () => {
  [alpha, beta] = await Promise.all([
    startTestServer('alpha', 0, asking('alpha')),
    startTestServer('beta', 0, asking('beta')),
  ]);
  stack = await startStack();
  const put = async (path: string, body: object): Promise<void> => {
    const response = await stack.api('PUT', path, body);
    expect(response.status, await response.text()).toBeLessThan(300);
  };
  const member = (server: string) => ({ server, tools: ['*'], prompts: ['*'], resources: ['*'] });
  await put('/v1/servers/alpha', { versions: [{ version: '1', endpoints: [{ url: alpha.url }] }] });
  await put('/v1/servers/beta', { versions: [{ version: '1', endpoints: [{ url: beta.url }] }] });
  await put('/v1/surfaces/both', { servers: [member('alpha'), member('beta')] });
  await put('/v1/surfaces/alone', { servers: [member('alpha')] });
  await put('/v1/surfaces/every', { servers: [member('everything')] });
  for (const surface of ['both', 'alone', 'every']) {
    await until(
      `${surface} is served`,
      () => toolsOf(surface),
      (tools) => tools.length > 3,
    );
  }
});
afterAll(async () => {
  await Promise.all([alpha?.close(), beta?.close()]);
  await stack?.stop();
  stack?.remove();
});

async function toolsOf(surface: string): Promise<readonly { readonly name: string }[]> {
  const token = await stack.token(surface);
  const response = await raw(`${stack.gateway}/v1/surfaces/${surface}/tools`, { method: 'GET', token });
  return response.status === 200 ? ((await response.json()) as { tools: { name: string }[] }).tools : [];
}

/** Answers everything that servers ask, and holds elicitations back until `gather` of them wait. */
interface Answering {
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  names(): Promise<readonly string[]>;
  readonly asked: { readonly method: string; readonly params: unknown }[];
  gather: number;
  close(): Promise<void>;
}

/** The handlers are the same for both generations; only how they are set differs. */
function handlers(): {
  readonly state: Pick<Answering, 'asked' | 'gather'>;
  readonly answer: (method: string, params: unknown) => Promise<unknown>;
} {
  const waiting: (() => void)[] = [];
  const state: Pick<Answering, 'asked' | 'gather'> = { asked: [], gather: 1 };
  const gathered = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length >= state.gather) for (const go of waiting.splice(0)) go();
    });
  const answer = async (method: string, params: unknown): Promise<unknown> => {
    state.asked.push({ method, params });
    if (method === 'roots/list') return { roots: [{ uri: 'file:///work', name: 'work' }] };
    if (method === 'sampling/createMessage')
      return { model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled' } };
    await gathered();
    const { message, mode } = params as { message: string; mode?: string };
    return mode === 'url'
      ? { action: 'accept' }
      : { action: 'accept', content: { who: `the one who read ${message}` } };
  };
  return { state, answer };
}

async function legacy(surface: string): Promise<Answering> {
  const { state, answer } = handlers();
  const transport = new LegacyTransport(new URL(stack.mcp(surface)), {
    requestInit: { headers: { authorization: `Bearer ${await stack.token(surface)}` } },
  });
  const client = new LegacyClient(CLIENT_INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(ListRootsRequestSchema, ({ method, params }) => answer(method, params) as never);
  client.setRequestHandler(CreateMessageRequestSchema, ({ method, params }) => answer(method, params) as never);
  client.setRequestHandler(ElicitRequestSchema, async ({ method, params }, extra) => {
    const token = params._meta?.progressToken;
    if (token !== undefined) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
    }
    return (await answer(method, params)) as never;
  });
  await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
  return Object.assign(state, {
    call: async (name: string, args = {}) => texts(await client.callTool({ name, arguments: args })),
    names: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  });
}

async function modern(surface: string): Promise<Answering> {
  const { state, answer } = handlers();
  const transport = new ModernTransport(new URL(stack.mcp(surface)), {
    requestInit: { headers: { authorization: `Bearer ${await stack.token(surface)}` } },
  });
  const client = new ModernClient(CLIENT_INFO, { capabilities: CAPABILITIES });
  for (const method of ['roots/list', 'sampling/createMessage', 'elicitation/create'] as const) {
    client.setRequestHandler(method, (asked: { params?: unknown }) => answer(method, asked.params) as never);
  }
  await client.connect(transport);
  return Object.assign(state, {
    call: async (name: string, args = {}) => texts(await client.callTool({ name, arguments: args })),
    names: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  });
}

describe.each([
  ['a client of SDK 1.32', legacy],
  ['a client of SDK 2.4', modern],
] as const)('%s', (_, connect) => {
  test.each([
    ['a surface with two servers', 'both', 'alpha__'],
    ['a surface with one', 'alone', ''],
  ])('is asked on %s', async (_, surface, prefix) => {
    const client = await connect(surface);
    try {
      expect(await client.call(`${prefix}roots`)).toBe('alpha: file:///work');
      expect(await client.call(`${prefix}sample`)).toBe('alpha got {"type":"text","text":"sampled"}');
      expect(await client.call(`${prefix}elicit`)).toBe('alpha got {"who":"the one who read alpha"}');
      // Only one of the clients tells it.
      expect(progressOf.get('alpha')).toEqual(connect === legacy ? [{ progress: 1 }] : []);
      expect(client.asked.map(({ method }) => method)).toEqual([
        'roots/list',
        'sampling/createMessage',
        'elicitation/create',
      ]);
      expect((await client.call(`${prefix}large`)).length).toBe(300_000);
    } finally {
      await client.close();
    }
  });

  test('is asked by two servers at the same time, with the same ids, and each gets its own answer', async () => {
    const client = await connect('both');
    client.gather = 4;
    try {
      const answers = await Promise.all(
        ['alpha__elicit', 'beta__elicit', 'alpha__elicit', 'beta__elicit'].map((name) => client.call(name)),
      );
      expect(answers).toEqual(
        ['alpha', 'beta', 'alpha', 'beta'].map((name) => `${name} got {"who":"the one who read ${name}"}`),
      );
      const asked = [alpha, beta].map(({ requests }) =>
        requests.map(({ body }) => body).filter((body) => body.includes('the one who read')),
      );
      for (const [index, name] of ['alpha', 'beta'].entries()) {
        // Numbers, as the servers wrote them.
        for (const body of asked[index]!) expect(body).toMatch(/"id":[0-9]+[,}]/);
        expect(asked[index]!.every((body) => body.includes(`read ${name}`))).toBe(true);
      }
    } finally {
      await client.close();
    }
  });

  test.each([
    ['the default surface', 'default', 'everything__'],
    ['a surface of its own', 'every', ''],
  ])('is asked by server-everything on %s', async (_, surface, prefix) => {
    const client = await connect(surface);
    try {
      const names = await client.names();
      for (const name of ['trigger-sampling-request', 'trigger-elicitation-request', 'get-roots-list', 'echo'])
        expect(names).toContain(`${prefix}${name}`);
      expect(await client.call(`${prefix}trigger-sampling-request`, { prompt: 'p', maxTokens: 5 })).toContain(
        'sampled',
      );
      expect(await client.call(`${prefix}trigger-elicitation-request`)).toContain('User');
      expect(
        await client.call(`${prefix}trigger-url-elicitation`, { url: 'https://example.com/', elicitationId: 'e-1' }),
      ).toContain('accept');
      // This one asks outside of any call: on the session's stream.
      expect(await client.call(`${prefix}get-roots-list`)).toContain('file:///work');
      const [url] = client.asked.filter(({ params }) => (params as { mode?: string } | undefined)?.mode === 'url');
      expect(url?.params).toMatchObject({ url: 'https://example.com/', elicitationId: 'e-1' });
    } finally {
      await client.close();
    }
  });
});

test('a client that declares nothing is shown what is for everybody, and can call nothing else', async () => {
  const token = await stack.token('every');
  const session = await openSession(stack.mcp('every'), token);
  const asked = (method: string, params = {}) =>
    raw(stack.mcp('every'), { token, session, body: request(1, method, params) }).then(rpc);
  const { result } = await asked('tools/list');
  const names = ((result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
  expect(names).toContain('echo');
  expect(names).not.toContain('get-roots-list');
  expect(await asked('tools/call', { name: 'get-roots-list' })).toMatchObject({ error: { code: -32602 } });
});

/** A session of a client that declares everything, by plain HTTP. */
async function session(surface: string, subject = 'agent') {
  const token = await stack.token(surface, subject);
  const url = stack.mcp(surface);
  const opened = await raw(url, {
    token,
    body: request('init', 'initialize', {
      protocolVersion: '2025-11-25',
      capabilities: CAPABILITIES,
      clientInfo: CLIENT_INFO,
    }),
  });
  await opened.text();
  const id = opened.headers.get('mcp-session-id') ?? '';
  return { post: (body: unknown) => raw(url, { token, session: id, body }), id, token };
}

/** The messages of an answer, one by one as they come. */
async function* messages(response: Response): AsyncGenerator<Record<string, unknown>> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(chunk, { stream: true });
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6))
        .join('\n');
      if (data !== '') yield JSON.parse(data) as Record<string, unknown>;
    }
  }
}

const bodiesWith = (server: TestServer, text: string): string[] =>
  server.requests.map(({ body }) => body).filter((body) => body.includes(text));

describe('on the wire', () => {
  test('an answer with an id of another principal, of another session, or of nobody is accepted and reaches nobody', async () => {
    const owner = await session('both');
    const others = await Promise.all([session('both'), session('both', 'mallory')]);
    const stream = messages(await owner.post(request(7, 'tools/call', { name: 'alpha__elicit' })));
    const { value: question } = await stream.next();
    expect(question).toMatchObject({ method: 'elicitation/create', id: expect.stringMatching(/^chr1\./) });
    const answer = (id: unknown, who: string) => ({
      jsonrpc: '2.0',
      id,
      result: { action: 'accept', content: { who } },
    });
    for (const other of others) expect((await other.post(answer(question?.id, 'stranger'))).status).toBe(202);
    expect((await owner.post(answer(0, 'stranger'))).status).toBe(202);
    expect((await owner.post(answer(`${question?.id}x`, 'stranger'))).status).toBe(202);
    expect((await owner.post(answer(null, 'stranger'))).status).toBe(400);
    expect([...bodiesWith(alpha, 'stranger'), ...bodiesWith(beta, 'stranger')]).toEqual([]);
    await stack.logged('ext-proc', 'an answer of a client was for nobody');
    expect((await owner.post(answer(question?.id, 'owner'))).status).toBe(202);
    let last: Record<string, unknown> = {};
    for await (const message of stream) last = message;
    expect(last).toMatchObject({ id: 7, result: { content: [{ text: 'alpha got {"who":"owner"}' }] } });
  });

  test('a server that takes its question back names it by the id that the client knows', async () => {
    const client = await session('both');
    const stream = messages(await client.post(request('w', 'tools/call', { name: 'beta__withdraw' })));
    const { value: question } = await stream.next();
    withdraw();
    const { value: cancelled } = await stream.next();
    expect(cancelled).toMatchObject({ method: 'notifications/cancelled', params: { requestId: question?.id } });
    expect((await stream.next()).value).toMatchObject({
      id: 'w',
      result: { content: [{ text: 'beta asks no more' }] },
    });
  });

  test('a client that cancels its call is heard by the server that has it, and by no other', async () => {
    const client = await session('both');
    const response = await client.post(
      request('to-be-cancelled', 'tools/call', { name: 'alpha__hang', _meta: { progressToken: 41 } }),
    );
    const stream = messages(response);
    expect((await stream.next()).value).toMatchObject({ params: { progressToken: 41, progress: 1 } });
    const params = { requestId: 'to-be-cancelled', reason: 'enough' };
    await client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    await until(
      'alpha heard it',
      () => bodiesWith(alpha, '"reason":"enough"').length,
      (count) => count === 1,
    );
    expect(bodiesWith(beta, '"reason":"enough"')).toEqual([]);
    await response.body?.cancel().catch(() => undefined);
  });

  test('changed roots are told to both servers', async () => {
    const client = await session('both');
    await client.post({
      jsonrpc: '2.0',
      method: 'notifications/roots/list_changed',
      params: { _meta: { n: 'changed-1' } },
    });
    for (const server of [alpha, beta])
      await until(
        'it heard',
        () => bodiesWith(server, 'changed-1').length,
        (count) => count === 1,
      );
  });

  test('a call whose server forgot the session is repeated once, in a new one', async () => {
    const client = await session('both');
    alpha.forget();
    const answered = await rpc(await client.post(request(1, 'tools/call', { name: 'alpha__large' })));
    expect(answered).toMatchObject({ id: 1, result: { content: [{ type: 'text' }] } });
  });

  test('a call whose server dies in the middle ends with an error with its id', async () => {
    const client = await session('both');
    const stream = messages(await client.post(request('mid', 'tools/call', { name: 'beta__hang' })));
    expect((await stream.next()).value).toMatchObject({ method: 'notifications/progress' });
    await beta.close();
    expect((await stream.next()).value).toMatchObject({ id: 'mid', error: { code: -32000 } });
    expect((await stream.next()).done).toBe(true);
    // The other one goes on.
    expect(await rpc(await client.post(request(2, 'tools/call', { name: 'alpha__large' })))).toMatchObject({ id: 2 });
  });
});
