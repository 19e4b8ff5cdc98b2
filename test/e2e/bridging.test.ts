// Decides that clients and servers of different eras meet through Envoy: calls, questions in the middle of a call, errors, cancellation.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  ListRootsRequestSchema,
  ResourceUpdatedNotificationSchema,
  SubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildServer } from '../fixture-server/build.ts';
import { CLIENT_INFO, openSession, raw, request, rpc } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const FORM = { type: 'object', properties: { name: { type: 'string' } } } as const;
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
};

let stack: Stack;
let legacy: TestServer;
let modern: ModernOnly;
let token = '';
/** What the legacy server's tools saw happen to them. */
const cancelled: string[] = [];
const subscribed: { readonly uri: string; readonly tell: () => Promise<void> }[] = [];
let executed = 0;

beforeAll(async () => {
  [legacy, modern] = await Promise.all([
    startTestServer('old', 0, (server) => {
      server.registerTool('count', { inputSchema: { label: z.string() } }, ({ label }) => {
        executed++;
        return { content: [{ type: 'text', text: label }] };
      });
      server.registerTool('ask', {}, async (extra) => {
        executed++;
        const params = { message: 'Who are you?', requestedSchema: FORM };
        const form = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema);
        const sampling = {
          messages: [{ role: 'user' as const, content: { type: 'text' as const, text: String(form.content?.name) } }],
          maxTokens: 5,
        };
        const said = await extra.sendRequest(
          { method: 'sampling/createMessage', params: sampling },
          CreateMessageResultSchema,
        );
        return { content: [{ type: 'text', text: `${form.action} ${JSON.stringify(said.content)}` }] };
      });
      server.registerTool('wait', {}, async (extra) => {
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken: extra._meta?.progressToken ?? 0, progress: 1 },
        });
        await new Promise((resolve) => extra.signal.addEventListener('abort', resolve));
        cancelled.push('wait');
        return { content: [] };
      });
      server.registerTool('work', {}, async (extra) => {
        const progressToken = extra._meta?.progressToken;
        if (progressToken !== undefined)
          await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
        return { content: [{ type: 'text', text: 'done' }] };
      });
      server.server.registerCapabilities({ resources: { subscribe: true } });
      server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
        subscribed.push({ uri: params.uri, tell: () => server.server.sendResourceUpdated({ uri: params.uri }) });
        return {};
      });
      server.registerResource('one', 'old://one', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'one' }] }));
    }),
    startModernOnly(),
  ]);
  stack = await startStack({ example: '' });
  await put('/v1/servers/old', { versions: [{ version: '1', endpoints: [{ url: legacy.url }] }] });
  await put('/v1/servers/new', { versions: [{ version: '1', endpoints: [{ url: modern.url }] }] });
  await put('/v1/policies/everything', {
    version: 'tbac/v1',
    rules: [{ id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] }],
  });
  for (const name of ['old', 'new']) {
    await until(
      `${name} was read`,
      async () =>
        ((await (await stack.api('GET', `/v1/servers/${name}`)).json()) as Declared).status.versions?.[0]?.tools,
      (tools) => (tools ?? 0) > 0,
    );
  }
  await put('/v1/surfaces/default', { servers: [{ server: 'old' }, { server: 'new' }] });
  await until(
    'both are listed',
    async () => {
      token = await stack.token();
      const session = await openSession(stack.mcp(), token).catch(() => '');
      const answer = await rpc(await raw(stack.mcp(), { token, session, body: request(1, 'tools/list') }));
      return JSON.stringify(answer.result ?? {});
    },
    (listed) => listed.includes('old__ask') && listed.includes('new__test_simple_text'),
  );
});
afterAll(async () => {
  await Promise.all([legacy?.close(), modern?.close()]);
  await stack?.stop();
  stack?.remove();
});

interface Declared {
  readonly status: { readonly versions?: readonly { readonly tools?: number }[] };
}

async function put(path: string, body: unknown): Promise<void> {
  const response = await stack.api('PUT', path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

interface ModernOnly {
  readonly url: string;
  /** A resource changed. */
  updated(uri: string): void;
  close(): Promise<void>;
}

/** The fixture without its legacy half. */
async function startModernOnly(): Promise<ModernOnly> {
  const key = new Uint8Array(32).fill(7);
  const handler = createMcpHandler(() => buildServer(key), { legacy: 'reject' });
  const http = createServer(
    getRequestListener((incoming) => handler.fetch(incoming), { overrideGlobalObjects: false }),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    updated: (uri) => handler.notify.resourceUpdated(uri),
    async close() {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** One request of the modern era, by plain HTTP. */
function ask(
  id: number | string,
  method: string,
  params: Readonly<Record<string, unknown>>,
  over: { readonly token?: string; readonly capabilities?: object; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  const { name, uri } = params as { name?: string; uri?: string };
  const named = name ?? uri;
  const _meta = {
    ...META,
    'io.modelcontextprotocol/clientCapabilities': over.capabilities ?? { elicitation: {}, sampling: {} },
    ...(params._meta as object | undefined),
  };
  return fetch(stack.mcp(), {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${over.token ?? token}`,
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(named === undefined ? {} : { 'mcp-name': named }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } }),
    ...(over.signal === undefined ? {} : { signal: over.signal }),
  });
}

interface Asked {
  readonly resultType: string;
  readonly inputRequests: Readonly<Record<string, { readonly method: string }>>;
  readonly requestState: string;
}
const resultOf = async (response: Response): Promise<Asked & Readonly<Record<string, unknown>>> =>
  (await rpc(response)).result as never;
const name = { action: 'accept', content: { name: 'Ada' } };
const sampled = { role: 'assistant', content: { type: 'text', text: 'Hi' }, model: 'm' };

describe('a modern client and a legacy server', () => {
  test('the SDK is asked in the middle of a call, twice, and gets its answer', async () => {
    const transport = new ModernTransport(new URL(stack.mcp()), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    const client = new ModernClient(CLIENT_INFO, {
      versionNegotiation: { mode: { pin: MODERN } },
      capabilities: { elicitation: {}, sampling: {} },
    });
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } }));
    client.setRequestHandler('sampling/createMessage', ({ params }) => {
      const content = params.messages[0]?.content as { text?: string };
      return { role: 'assistant', model: 'm', content: { type: 'text', text: `Hello ${content.text}` } };
    });
    await client.connect(transport);
    const before = executed;
    const result = await client.callTool({ name: 'old__ask', arguments: {} });
    expect(JSON.stringify(result.content)).toContain('accept');
    expect(JSON.stringify(result.content)).toContain('Hello Ada');
    expect(executed).toBe(before + 1);
    await client.close();
  });

  test('a call, its progress and a resource, as the revision wants them', async () => {
    const called = await ask('a-"1', 'tools/call', { name: 'old__count', arguments: { label: 'x' } });
    expect(called.status).toBe(200);
    expect(called.headers.get('mcp-session-id')).toBe(null);
    expect(await called.json()).toEqual({
      jsonrpc: '2.0',
      id: 'a-"1',
      result: {
        resultType: 'complete',
        content: [{ type: 'text', text: 'x' }],
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'old', version: '1.0.0' } },
      },
    });
    const worked = await ask(2, 'tools/call', { name: 'old__work', arguments: {}, _meta: { progressToken: 'p' } });
    const text = await worked.text();
    expect(text).toContain('"progressToken":"p"');
    expect(text).toContain('"resultType":"complete"');
    expect(await resultOf(await ask(3, 'resources/read', { uri: 'old://one' }))).toMatchObject({
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
    });
  });

  test('the server sees one session for a principal, no protocol keys and its own names', async () => {
    const from = legacy.requests.length;
    await (await ask(4, 'tools/call', { name: 'old__count', arguments: { label: 'y' }, _meta: { mine: 1 } })).text();
    await (await ask(5, 'tools/call', { name: 'old__count', arguments: { label: 'y' } })).text();
    const seen = legacy.requests.slice(from).filter(({ body }) => body.includes('"tools/call"'));
    expect(new Set(seen.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1);
    expect(seen.map(({ body }) => JSON.parse(body).params)).toEqual([
      { name: 'count', arguments: { label: 'y' }, _meta: { mine: 1 } },
      { name: 'count', arguments: { label: 'y' }, _meta: {} },
    ]);
    const other = await stack.token('default', 'somebody');
    await (await ask(6, 'tools/call', { name: 'old__count', arguments: { label: 'y' } }, { token: other })).text();
    const last = legacy.requests.at(-1);
    expect(last?.headers['mcp-session-id']).not.toBe(seen[0]?.headers['mcp-session-id']);
  });

  test('a session that the server forgot is replaced, and the call executed once', async () => {
    await (await ask(7, 'tools/call', { name: 'old__count', arguments: { label: 'z' } })).text();
    legacy.forget();
    const before = executed;
    const result = await resultOf(await ask(8, 'tools/call', { name: 'old__count', arguments: { label: 'z' } }));
    expect(result.content).toEqual([{ type: 'text', text: 'z' }]);
    expect(executed).toBe(before + 1);
  });

  test('by hand: asked, answered, asked, answered; a state is good once', async () => {
    const first = await resultOf(await ask(10, 'tools/call', { name: 'old__ask', arguments: {} }));
    expect(first.resultType).toBe('input_required');
    const [[key = '', asked] = []] = Object.entries(first.inputRequests);
    expect(asked).toEqual({ method: 'elicitation/create', params: { message: 'Who are you?', requestedSchema: FORM } });
    const retry = { name: 'old__ask', arguments: {}, requestState: first.requestState };
    const second = await resultOf(await ask(11, 'tools/call', { ...retry, inputResponses: { [key]: name } }));
    const [[next = '', question] = []] = Object.entries(second.inputRequests);
    expect(next).not.toBe(key);
    expect(question?.method).toBe('sampling/createMessage');
    const last = { ...retry, requestState: second.requestState, inputResponses: { [next]: sampled } };
    const result = await resultOf(await ask(12, 'tools/call', last));
    expect(result).toMatchObject({ resultType: 'complete' });
    expect(JSON.stringify(result.content)).toContain('accept');
    const before = executed;
    expect((await rpc(await ask(13, 'tools/call', last))).error?.message).toContain('not waiting any more');
    expect(executed).toBe(before);
  });

  test('a state is refused to another principal, with another request, and altered, without telling why', async () => {
    const first = await resultOf(await ask(20, 'tools/call', { name: 'old__ask', arguments: {} }));
    const inputResponses = Object.fromEntries(Object.keys(first.inputRequests).map((key) => [key, name]));
    const retry = { name: 'old__ask', arguments: {}, requestState: first.requestState, inputResponses };
    const refusals = [
      await ask(21, 'tools/call', retry, { token: await stack.token('default', 'thief') }),
      await ask(21, 'tools/call', { ...retry, name: 'old__work' }),
      await ask(21, 'tools/call', { ...retry, requestState: `${first.requestState.slice(0, -2)}AA` }),
    ];
    const errors = await Promise.all(refusals.map(async (response) => (await rpc(response)).error));
    expect(errors[0]).toMatchObject({ code: -32602 });
    expect(errors[1]).toEqual(errors[0]);
    expect(errors[2]).toEqual(errors[0]);
    // Its owner goes on with it all the same.
    expect((await resultOf(await ask(22, 'tools/call', retry))).resultType).toBe('input_required');
  });

  test('who asks without the capability gets the server’s own words', async () => {
    const result = await resultOf(
      await ask(30, 'tools/call', { name: 'old__ask', arguments: {} }, { capabilities: {} }),
    );
    expect(result).toMatchObject({ resultType: 'complete', isError: true });
  });

  test('a question that is not answered is asked again', async () => {
    const first = await resultOf(await ask(40, 'tools/call', { name: 'old__ask', arguments: {} }));
    const retry = { name: 'old__ask', arguments: {}, requestState: first.requestState, inputResponses: {} };
    const again = await resultOf(await ask(41, 'tools/call', retry));
    expect(again.inputRequests).toEqual(first.inputRequests);
  });

  test('who listens hears of a resource, and of no other', async () => {
    const gone = new AbortController();
    const notifications = { resourceSubscriptions: ['old://one'] };
    const response = await ask('l', 'subscriptions/listen', { notifications }, { signal: gone.signal });
    expect(response.status).toBe(200);
    let text = '';
    const decoder = new TextDecoder();
    const reading = (async () => {
      for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true });
    })().catch(() => undefined);
    await until(
      'the server was asked',
      () => Promise.resolve(subscribed.length),
      (count) => count > 0,
    );
    await until(
      'the update came',
      async () => {
        await subscribed.at(-1)?.tell();
        return text;
      },
      (seen) => seen.includes('notifications/resources/updated'),
    );
    expect(text).toContain('"io.modelcontextprotocol/subscriptionId":"l"');
    gone.abort();
    await reading;
  });

  test('a client that leaves cancels', async () => {
    cancelled.length = 0;
    const gone = new AbortController();
    const params = { name: 'old__wait', arguments: {}, _meta: { progressToken: 1 } };
    const response = await ask(42, 'tools/call', params, { signal: gone.signal });
    await response.body?.getReader().read();
    gone.abort();
    await until(
      'the server was told',
      () => Promise.resolve(cancelled),
      (seen) => seen.includes('wait'),
    );
  });
});

describe('a legacy client and a modern server', () => {
  async function connect(): Promise<LegacyClient> {
    const transport = new LegacyTransport(new URL(stack.mcp()), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    const client = new LegacyClient(CLIENT_INFO, { capabilities: { elicitation: {}, sampling: {}, roots: {} } });
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      const { properties } = (params as { requestedSchema: { properties: Record<string, { type: string }> } })
        .requestedSchema;
      const content = Object.fromEntries(
        Object.entries(properties).map(([key, { type }]) => [key, type === 'boolean' ? true : 'Ada']),
      );
      return { action: 'accept' as const, content };
    });
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      role: 'assistant' as const,
      model: 'm',
      content: { type: 'text' as const, text: 'Paris' },
    }));
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///r' }] }));
    await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
    return client;
  }

  test('a call looks as if its server were of its own era', async () => {
    const session = await openSession(stack.mcp(), token);
    const body = request('x', 'tools/call', { name: 'new__test_simple_text', arguments: {} });
    const response = await raw(stack.mcp(), { token, session, body });
    expect(response.status).toBe(200);
    const answer = await rpc(response);
    expect(answer.id).toBe('x');
    expect(Object.keys(answer.result ?? {})).toEqual(['content']);
  });

  test.each([
    ['elicitation', 'new__test_input_required_result_elicitation', 'Hello, Ada!'],
    ['sampling', 'new__test_input_required_result_sampling', 'Paris'],
    ['roots', 'new__test_input_required_result_list_roots', 'file:///r'],
    ['a state of the server', 'new__test_input_required_result_request_state', 'state-ok'],
    ['several at once', 'new__test_input_required_result_multiple_inputs', 'file:///r'],
    ['several after each other', 'new__test_input_required_result_multi_round', 'received'],
  ])('the SDK is asked: %s', async (_, tool, wanted) => {
    const client = await connect();
    const result = await client.callTool({ name: tool, arguments: {} });
    expect(JSON.stringify(result.content)).toContain(wanted);
    await client.close();
  });

  test('progress passes', async () => {
    const client = await connect();
    const seen: number[] = [];
    await client.callTool({ name: 'new__test_tool_with_progress', arguments: {} }, undefined, {
      onprogress: ({ progress }) => void seen.push(progress),
    });
    expect(seen).toEqual([0, 50, 100]);
    await client.close();
  });

  test('a subscription is a listen stream, and its updates come on the GET stream', async () => {
    const client = await connect();
    const seen: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void seen.push(params.uri));
    await client.subscribeResource({ uri: 'test://static-text' });
    await until(
      'the update came',
      () => {
        modern.updated('test://static-text');
        modern.updated('test://static-binary');
        return Promise.resolve(seen.length);
      },
      (count) => count > 0,
    );
    expect(new Set(seen)).toEqual(new Set(['test://static-text']));
    await client.close();
  });

  test('errors have the codes of its era, and HTTP 200', async () => {
    const session = await openSession(stack.mcp(), token);
    const body = request(3, 'resources/read', { uri: 'test://template/none/of/these' });
    const response = await raw(stack.mcp(), { token, session, body });
    expect(response.status).toBe(200);
    expect((await rpc(response)).error?.code).toBe(-32002);
  });

  test('a client that cannot be asked is told what it lacks, by a code of its own era', async () => {
    const session = await openSession(stack.mcp(), token);
    const body = request(4, 'tools/call', { name: 'new__test_input_required_result_elicitation', arguments: {} });
    const answer = await rpc(await raw(stack.mcp(), { token, session, body }));
    expect(answer).toMatchObject({
      id: 4,
      error: { code: -32600, data: { requiredCapabilities: { elicitation: {} } } },
    });
  });
});
