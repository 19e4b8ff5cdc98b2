// Decides that a client of the modern era gets from the gateway what a good server of that era would give it.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureServer, startFixtureServer } from '../fixture-server/serve.ts';
import { CLIENT_INFO, raw, rpc, texts } from '../support/clients.ts';
import { type ModernTestServer, startModernTestServer } from '../support/modern-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const VERSION = '2026-07-28';
const POLICY = {
  version: 'tbac/v1',
  surfaces: ['*'],
  rules: [
    { id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] },
    { id: 'no-errors', effect: 'deny', tools: ['fixture/test_error_handling'], reason: 'errors are made by nobody' },
  ],
};

let stack: Stack;
let fixture: FixtureServer;
let modern: ModernTestServer;
let legacy: TestServer;
let token: string;

beforeAll(async () => {
  [fixture, modern, legacy, stack] = await Promise.all([
    startFixtureServer(),
    startModernTestServer(),
    startTestServer('legacy'),
    startStack({ example: '' }),
  ]);
  await put('/v1/policies/base', POLICY);
  await put('/v1/servers/fixture', server(fixture.endpoint));
  await put('/v1/servers/modern', server(modern.url));
  await put('/v1/servers/legacy', server(legacy.url));
  const servers = ['fixture', 'modern', 'legacy'].map((name) => ({ server: name }));
  await put('/v1/surfaces/default', { servers });
  await put('/v1/surfaces/judged', { servers, decision: 'ext_authz' });
  await put('/v1/surfaces/one', { auth: 'none', servers: [{ server: 'fixture' }] });
  token = await stack.token();
  await until(
    'all servers and what they speak',
    async () => (await listed('default')).join(),
    (names) => ['fixture__', 'modern__', 'legacy__'].every((prefix) => names.includes(prefix)),
  );
  await until(
    'the fixture to be known as one of both eras',
    async () => (await called('fixture__test_simple_text')).status,
    (status) => status === 200,
  );
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([fixture?.close(), modern?.close(), legacy?.close()]);
});

const server = (url: string) => ({ versions: [{ version: '1', endpoints: [{ url }] }] });
async function put(path: string, body: object): Promise<void> {
  const response = await stack.api('PUT', path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

const meta = (capabilities: object = {}) => ({
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': capabilities,
  'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
});
const body = (method: string, params: object = {}, id: unknown = 1, capabilities = {}) => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { ...params, _meta: meta(capabilities) },
});
const headers = (method: string, name?: string): Record<string, string> => ({
  'mcp-protocol-version': VERSION,
  'mcp-method': method,
  ...(name === undefined ? {} : { 'mcp-name': name }),
});
const post = (surface: string, message: object | string, over: Record<string, string>, bearer = token) =>
  raw(stack.mcp(surface), { ...(surface === 'one' ? {} : { token: bearer }), headers: over, body: message });
async function answered(response: Response) {
  return { status: response.status, ...(await rpc(response)) } as {
    status: number;
    // biome-ignore lint/suspicious/noExplicitAny: what the wire brings
    result?: any;
    // biome-ignore lint/suspicious/noExplicitAny: what the wire brings
    error?: any;
  };
}
const called = async (name: string, args: object = {}, more: object = {}, capabilities = {}, surface = 'default') =>
  answered(
    await post(
      surface,
      body('tools/call', { name, arguments: args, ...more }, 1, capabilities),
      headers('tools/call', name),
    ),
  );
async function listed(surface: string): Promise<string[]> {
  const { result } = await answered(await post(surface, body('tools/list'), headers('tools/list')));
  return (result?.tools ?? []).map((tool: { name: string }) => tool.name);
}

async function connect(surface: string, mode: 'auto' | { pin: string }, capabilities = {}) {
  const transport = new StreamableHTTPClientTransport(new URL(stack.mcp(surface)), {
    requestInit: { headers: surface === 'one' ? {} : { authorization: `Bearer ${token}` } },
  });
  const client = new Client(CLIENT_INFO, { versionNegotiation: { mode }, capabilities } as never);
  await client.connect(transport);
  return client;
}

describe('the client of the SDK', () => {
  test.each<[string, 'auto' | { pin: string }]>([
    ['that asks for the era', { pin: VERSION }],
    ['that finds it out', 'auto'],
  ])('%s lists and calls, across servers', async (_, mode) => {
    const client = await connect('default', mode);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('modern__greet');
    expect(texts(await client.callTool({ name: 'modern__greet', arguments: { who: 'Ann' } }))).toBe(
      'modern greets Ann',
    );
    expect(texts(await client.callTool({ name: 'fixture__test_simple_text', arguments: {} }))).not.toBe('');
    const prompt = await client.getPrompt({ name: 'fixture__test_simple_prompt' });
    expect(prompt.messages).not.toEqual([]);
    expect((await client.readResource({ uri: 'test://static-text' })).contents).not.toEqual([]);
    await client.close();
  });

  test('answers what a server needs, and its state comes back to it', async () => {
    const client = await connect('default', { pin: VERSION }, { elicitation: { form: {} } });
    client.setRequestHandler('elicitation/create', async () => ({
      action: 'accept',
      content: { name: 'Ann', ok: true, color: 'red', confirmed: true },
    }));
    const hello = await client.callTool({ name: 'fixture__test_input_required_result_elicitation', arguments: {} });
    expect(texts(hello)).toBe('Hello, Ann!');
    const state = await client.callTool({ name: 'fixture__test_input_required_result_request_state', arguments: {} });
    expect(texts(state)).toContain('state-ok');
    await client.close();
  });
});

describe('server/discover', () => {
  test('says what the surface can do, and that it is for this caller alone', async () => {
    const { status, result } = await answered(
      await post('default', body('server/discover'), headers('server/discover')),
    );
    expect(status).toBe(200);
    expect(result).toMatchObject({
      resultType: 'complete',
      supportedVersions: [VERSION],
      capabilities: { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true } },
      cacheScope: 'private',
      ttlMs: expect.any(Number),
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'chancery' } },
    });
  });

  test('of a surface with one server speaks as that server, to everybody', async () => {
    const { result } = await answered(await post('one', body('server/discover'), headers('server/discover')));
    expect(result).toMatchObject({
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'chancery-fixture' } },
    });
  });
});

describe('on the wire', () => {
  test.each<[string, object | string, Record<string, string>, number, number]>([
    ['no envelope', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers('tools/list'), 400, -32602],
    ['no Mcp-Method', body('tools/list'), { 'mcp-protocol-version': VERSION }, 400, -32020],
    ['another Mcp-Method', body('tools/list'), headers('prompts/list'), 400, -32020],
    ['no version header', body('tools/list'), { 'mcp-method': 'tools/list' }, 400, -32020],
    [
      'a legacy version header',
      body('tools/list'),
      { ...headers('tools/list'), 'mcp-protocol-version': '2025-11-25' },
      400,
      -32020,
    ],
    [
      'another Mcp-Name',
      body('tools/call', { name: 'modern__greet' }),
      headers('tools/call', 'modern__other'),
      400,
      -32020,
    ],
    ['no Mcp-Name', body('tools/call', { name: 'modern__greet' }), headers('tools/call'), 400, -32020],
    ['a removed method', body('ping'), headers('ping'), 404, -32601],
    ['initialize', body('initialize'), headers('initialize'), 404, -32601],
    ['a method of nobody', body('x/y'), headers('x/y'), 404, -32601],
    ['an unknown tool', body('tools/call', { name: 'nope' }), headers('tools/call', 'nope'), 200, -32602],
    [
      'a denied tool',
      body('tools/call', { name: 'fixture__test_error_handling' }),
      headers('tools/call', 'fixture__test_error_handling'),
      200,
      -32602,
    ],
    ['an unknown resource', body('resources/read', { uri: 'x://y' }), headers('resources/read', 'x://y'), 200, -32602],
    ['a cursor of nobody', body('tools/list', { cursor: 'x' }), headers('tools/list'), 200, -32602],
    [
      'a state of nobody',
      body('tools/call', { name: 'modern__greet', arguments: { who: 'x' }, requestState: 'x' }),
      headers('tools/call', 'modern__greet'),
      200,
      -32602,
    ],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, { 'mcp-protocol-version': VERSION }, 400, -32600],
    ['a batch', [body('tools/list')], headers('tools/list'), 400, -32600],
  ])('%s is refused as the revision says', async (_, message, over, status, code) => {
    const answer = await answered(await post('default', message, over));
    expect([answer.status, answer.error?.code]).toEqual([status, code]);
    const judged = await answered(await post('judged', message, over, await stack.token('judged')));
    expect([judged.status, judged.error?.code]).toEqual([status, code]);
  });

  test('a version that nobody speaks is answered with those that we do', async () => {
    const message = body('tools/list');
    (message.params._meta as Record<string, unknown>)['io.modelcontextprotocol/protocolVersion'] = '2099-01-01';
    const { status, error } = await answered(
      await post('default', message, { ...headers('tools/list'), 'mcp-protocol-version': '2099-01-01' }),
    );
    expect([status, error]).toEqual([
      400,
      expect.objectContaining({ code: -32022, data: { supported: [VERSION], requested: '2099-01-01' } }),
    ]);
  });

  test.each(['GET', 'DELETE'])('a %s is not allowed, and a session header means nothing', async (method) => {
    const response = await raw(stack.mcp(), {
      method,
      token,
      session: 'x',
      headers: { 'mcp-protocol-version': VERSION },
    });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    await response.text();
    const answer = await post('default', body('tools/list'), {
      ...headers('tools/list'),
      'mcp-session-id': 'x',
      'last-event-id': 'y',
    });
    expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([200, null]);
    await answer.text();
  });

  test('a notification without Mcp-Method is accepted', async () => {
    const response = await post(
      'default',
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
      { 'mcp-protocol-version': VERSION },
    );
    expect(response.status).toBe(202);
    await response.text();
  });

  test('ids survive as they were written, natively and composed', async () => {
    for (const id of ['9007199254740991', '"7"', '0', '-1']) {
      for (const capabilities of ['{}', '{"elicitation":{}}']) {
        const message = JSON.stringify(
          body('tools/call', { name: 'modern__greet', arguments: { who: 'x' } }, 'ID', 'CAPS' as never),
        )
          .replace('"ID"', id)
          .replace('"CAPS"', capabilities);
        const response = await post('default', message, headers('tools/call', 'modern__greet'));
        expect(await response.text()).toContain(`"id":${id}`);
      }
    }
  });

  test('a server gets its own name in header and body, no session and no token', async () => {
    await called('modern__greet', { who: 'x' });
    await called('modern__greet', { who: 'x' }, {}, { elicitation: {} });
    for (const request of modern.requests.slice(-2)) {
      expect(request.headers['mcp-name']).toBe('greet');
      expect(request.headers['mcp-method']).toBe('tools/call');
      expect(JSON.parse(request.body).params.name).toBe('greet');
      expect(request.headers).not.toHaveProperty('mcp-session-id');
      expect(request.headers).not.toHaveProperty('authorization');
    }
  });

  test('arguments that headers repeat must agree, natively and composed', async () => {
    for (const capabilities of [{}, { elicitation: {} }]) {
      const message = body('tools/call', { name: 'modern__route', arguments: { region: 'zürich' } }, 1, capabilities);
      const over = headers('tools/call', 'modern__route');
      const good = await answered(
        await post('default', message, {
          ...over,
          'mcp-param-region': '=?base64?esO8cmljaA==?=',
          'mcp-param-other': 'x',
        }),
      );
      expect(texts(good.result)).toBe('routed to zürich');
      expect(modern.requests.at(-1)?.headers).toMatchObject({ 'mcp-param-other': 'x' });
      const bad = await answered(await post('default', message, { ...over, 'mcp-param-region': 'bern' }));
      expect([bad.status, bad.error.code]).toEqual([400, -32020]);
      const none = await answered(await post('default', message, over));
      expect([none.status, none.error.code]).toEqual([400, -32020]);
    }
  });

  test('a resource that is read through a policy is for this reader alone', async () => {
    const read = body('resources/read', { uri: 'test://modern' });
    const over = headers('resources/read', 'test://modern');
    // Its server calls it public.
    expect((await answered(await post('default', read, over))).result).toMatchObject({
      ttlMs: 60_000,
      cacheScope: 'private',
    });
  });
});

describe('a state', () => {
  const NAME = 'fixture__test_input_required_result_request_state';
  const CAPS = { elicitation: { form: {} } };
  const retry = (state: string) => ({
    requestState: state,
    inputResponses: { confirm: { action: 'accept', content: { ok: true, confirmed: true } } },
  });

  test('is sealed, and good for its own caller, on its own surface, at its own server', async () => {
    const first = await called(NAME, {}, {}, CAPS);
    expect(first.result.resultType).toBe('input_required');
    const sealed = first.result.requestState as string;
    expect(sealed).toMatch(/^chs1\./);
    const done = await called(NAME, {}, retry(sealed), CAPS);
    expect(texts(done.result)).toContain('state-ok');
    const other = await stack.token('default', 'mallory');
    const params = { name: NAME, arguments: {}, ...retry(sealed) };
    const stolen = await answered(
      await post('default', body('tools/call', params, 1, CAPS), headers('tools/call', NAME), other),
    );
    expect(stolen.error.code).toBe(-32602);
    const elsewhere = await called('modern__greet', { who: 'x' }, { requestState: sealed }, CAPS);
    expect(elsewhere.error.code).toBe(-32602);
    const altered = `${sealed.slice(0, -3)}AAA`;
    expect((await called(NAME, {}, retry(altered), CAPS)).error.code).toBe(-32602);
    const plain = await called(NAME.replace('fixture__', ''), {}, retry(sealed), CAPS, 'one');
    expect(plain.error.code).toBe(-32602);
  });
});

describe('subscriptions/listen', () => {
  test('is acknowledged first, tells of lists and resources under its own id, and ends when its caller leaves', async () => {
    const controller = new AbortController();
    const response = await fetch(stack.mcp(), {
      method: 'POST',
      signal: controller.signal,
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...headers('subscriptions/listen'),
      },
      body: JSON.stringify(
        body(
          'subscriptions/listen',
          { notifications: { toolsListChanged: true, resourceSubscriptions: ['test://modern', 'x://nobody'] } },
          'listen:7',
        ),
      ),
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    let text = '';
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of response.body!) text += decoder.decode(chunk as Uint8Array, { stream: true });
    })().catch(() => undefined);
    const messages = () =>
      text
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => JSON.parse(line.slice(6)));
    await until('the acknowledgement', messages, (found) => found.length > 0);
    expect(messages()[0]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { toolsListChanged: true, resourceSubscriptions: ['test://modern'] },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 'listen:7' },
      },
    });
    const wants = (method: string) => (found: { method: string }[]) =>
      found.some((message) => message.method === method);
    await until(
      'an update of the resource',
      () => {
        modern.resourceUpdated('test://modern');
        return messages();
      },
      wants('notifications/resources/updated'),
    );
    await put('/v1/policies/more', {
      version: 'tbac/v1',
      surfaces: ['default'],
      rules: [{ id: 'no-greet', effect: 'deny', tools: ['modern/greet'], reason: 'no' }],
    });
    await until('a changed list', messages, wants('notifications/tools/list_changed'));
    for (const { params } of messages())
      expect(params._meta['io.modelcontextprotocol/subscriptionId']).toBe('listen:7');
    controller.abort();
    await reading;
  });

  test('ends with its result when the process that has it ends', async () => {
    const response = await post(
      'default',
      body('subscriptions/listen', { notifications: { toolsListChanged: true } }, 'l'),
      headers('subscriptions/listen'),
    );
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    process.kill(stack.pid('ext-proc'), 'SIGTERM');
    const last = (await response.text()).trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last.slice('data: '.length))).toMatchObject({
      id: 'l',
      result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 'l' } },
    });
  });
});
