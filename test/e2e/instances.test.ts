// Decides that clients do not notice which of several ext-proc they reach, and that one that is gone is a defined error.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ElicitRequestSchema,
  ElicitResultSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT_INFO, openSession, raw, request, rpc } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const FORM = { type: 'object', properties: { name: { type: 'string' } } } as const;
const PARTS = ['ext-proc', 'ext-proc-2'] as const;
const CALLS = 8;

let stack: Stack;
let server: TestServer;
let modern: Awaited<ReturnType<typeof startModern>>;
let token = '';
/** Calls of `wait` that its server has, and that it was told to end. */
let underway = 0;
let cancelled = 0;

beforeAll(async () => {
  server = await startTestServer('old', 0, (mcp) => {
    mcp.registerTool('ask', {}, async (extra) => {
      const params = { message: 'Who are you?', requestedSchema: FORM };
      const form = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema);
      const progressToken = extra._meta?.progressToken;
      if (progressToken !== undefined)
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      return { content: [{ type: 'text', text: `${form.action} ${String(form.content?.name)}` }] };
    });
    mcp.registerTool('wait', {}, async (extra) => {
      underway++;
      await new Promise((resolve) => extra.signal.addEventListener('abort', resolve));
      underway--;
      cancelled++;
      return { content: [] };
    });
  });
  modern = await startModern();
  stack = await startStack({ example: '', env: { CHANCERY_INSTANCES: '2', CHANCERY_LOG_LEVEL: 'debug' } });
  const put = async (path: string, body: unknown): Promise<void> => {
    const response = await stack.api('PUT', path, body);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  await put('/v1/servers/old', { versions: [{ version: '1', endpoints: [{ url: server.url }] }] });
  await put('/v1/servers/new', { versions: [{ version: '1', endpoints: [{ url: modern.url }] }] });
  await put('/v1/servers/too', { versions: [{ version: '1', endpoints: [{ url: server.url }] }] });
  await put('/v1/policies/everything', {
    version: 'tbac/v1',
    rules: [{ id: 'all', effect: 'allow', tools: ['*'], resources: ['*'] }],
  });
  await put('/v1/surfaces/default', { servers: [{ server: 'old' }, { server: 'too' }, { server: 'new' }] });
  await until(
    'the tools are listed by both',
    async () => {
      token = await stack.token();
      const listed = async (): Promise<string> => {
        const session = await openSession(stack.mcp(), token).catch(() => '');
        const answer = await rpc(await raw(stack.mcp(), { token, session, body: request(1, 'tools/list') }));
        return JSON.stringify(answer.result ?? {});
      };
      return [await listed(), await listed(), await listed(), await listed()];
    },
    (lists) =>
      lists.every((list) => list.includes('old__ask') && list.includes('too__ask') && list.includes('new__ask')),
  );
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([server?.close(), modern?.close()]);
});

/** A server of the modern era alone, which asks, and tells of a resource. */
async function startModern() {
  const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
  const name = inputRequired.elicit({ message: 'Who are you?', requestedSchema });
  const handler = createMcpHandler(
    () => {
      const capabilities = { tools: {}, resources: { subscribe: true } };
      const mcp = new McpServer({ name: 'new', version: '1.0.0' }, { capabilities });
      mcp.registerTool('ask', {}, async (context) => {
        const form = acceptedContent<{ name: string }>(context.mcpReq.inputResponses, 'name');
        if (form === undefined) return inputRequired({ inputRequests: { name } });
        return { content: [{ type: 'text', text: `Hello, ${form.name}` }] };
      });
      mcp.registerResource('one', 'new://one', {}, async (uri) => ({ contents: [{ uri: uri.href, text: '1' }] }));
      return mcp;
    },
    { legacy: 'reject' },
  );
  const http = createServer(
    getRequestListener((incoming) => handler.fetch(incoming), { overrideGlobalObjects: false }),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as { port: number }).port}/mcp`,
    updated: () => handler.notify.resourceUpdated('new://one'),
    async close() {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function call(id: number, params: Readonly<Record<string, unknown>>, as = token): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
    ...(params._meta as object | undefined),
  };
  return fetch(stack.mcp(), {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${as}`,
      'mcp-protocol-version': MODERN,
      'mcp-method': 'tools/call',
      'mcp-name': String(params.name),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { ...params, _meta } }),
  });
}

interface Asked {
  readonly inputRequests: Readonly<Record<string, object>>;
  readonly requestState: string;
}

async function park(id: number, more: object = {}): Promise<Asked> {
  const { result, error } = await rpc(await call(id, { name: 'old__ask', ...more }));
  if (result === undefined) throw new Error(JSON.stringify(error));
  return result as never;
}
const retry = (
  id: number,
  { inputRequests, requestState }: Asked,
  more: object = {},
  as = token,
): Promise<Response> => {
  const name = `Ada ${id}`;
  const inputResponses = Object.fromEntries(
    Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: { name } }]),
  );
  return call(id, { name: 'old__ask', requestState, inputResponses, ...more }, as);
};
const waiting = (more: object = {}): Promise<Asked[]> =>
  Promise.all(Array.from({ length: CALLS }, (_, id) => park(id, more)));
const relayed = (): number =>
  PARTS.reduce((sum, part) => sum + stack.log(part).split('goes on in the ext-proc in which it waits').length - 1, 0);

test('a retry finds its call whichever ext-proc it reaches', async () => {
  // Envoy takes them in turn: one call in between, and each retry reaches the other one.
  for (const between of [0, 1]) {
    const asked = await waiting();
    for (let id = 0; id < between; id++) await park(CALLS + id);
    const answers = await Promise.all(asked.map(async (each, id) => rpc(await retry(id, each))));
    answers.forEach((answer, id) => {
      expect(answer).toMatchObject({ id, result: { content: [{ text: `accept Ada ${id}` }] } });
    });
  }
  expect(relayed()).toBeGreaterThan(0);
});

test('also one whose answer is a stream', async () => {
  const progress = { _meta: { progressToken: 'p' } };
  for (const between of [0, 1]) {
    const asked = await waiting(progress);
    for (let id = 0; id < between; id++) await park(CALLS + id);
    const texts = await Promise.all(asked.map(async (each, id) => (await retry(id, each, progress)).text()));
    texts.forEach((text, id) => {
      expect(text).toMatch(/^(event|data): /);
      expect(text).toContain(`accept Ada ${id}`);
      expect(text).toContain('"progressToken":"p"');
    });
  }
});

test('a state is of use to nobody else, wherever it is brought', async () => {
  const asked = await waiting();
  const stranger = await stack.token('default', 'stranger');
  const stolen = await Promise.all(asked.map(async (each, id) => rpc(await retry(id, each, {}, stranger))));
  for (const answer of stolen) expect(answer.error).toMatchObject({ code: -32602 });
  const answers = await Promise.all(asked.map(async (each, id) => rpc(await retry(id, each))));
  for (const answer of answers) expect(answer.error).toBeUndefined();
});

test('a legacy client cancels a call that the other ext-proc makes for it', async () => {
  const capabilities = { elicitation: {} };
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: CLIENT_INFO };
  const opened = await raw(stack.mcp(), { token, body: request('init', 'initialize', params) });
  await opened.text();
  const session = opened.headers.get('mcp-session-id') ?? '';
  const before = cancelled;
  const calls = Array.from({ length: CALLS }, (_, id) =>
    raw(stack.mcp(), { token, session, body: request(id + 1, 'tools/call', { name: 'old__wait' }) }),
  );
  const ended = Promise.all(calls.map(async (each) => (await each).text()));
  await until(
    'all are under way',
    () => underway,
    (count) => count === CALLS,
  );
  for (let id = 0; id < CALLS; id++) {
    const notice = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id + 1 } };
    expect((await raw(stack.mcp(), { token, session, body: notice })).status).toBe(202);
  }
  await until(
    'its server hears of it',
    () => cancelled - before,
    (count) => count === CALLS,
  );
  await ended;
});

async function connect(): Promise<Client> {
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(stack.mcp()), { requestInit });
  const client = new Client(CLIENT_INFO, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { name: 'Ada' } }));
  await client.connect(transport as Parameters<Client['connect']>[0]);
  return client;
}

test('what a legacy client answers finds the call that asked, at servers of both eras', async () => {
  const client = await connect();
  const wanted = { old__ask: 'accept Ada', new__ask: 'Hello, Ada' } as const;
  const calls = Object.entries(wanted).flatMap(([tool, text]) =>
    Array.from({ length: CALLS }, async () => {
      const { content } = await client.callTool({ name: tool, arguments: {} });
      expect(content).toEqual([{ type: 'text', text }]);
    }),
  );
  await Promise.all(calls);
  await client.close();
});

test('what a legacy client subscribed to in one is told on its stream in the other', async () => {
  const client = await connect();
  let heard = 0;
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => void heard++);
  for (let n = 0; n < 2; n++) {
    await client.unsubscribeResource({ uri: 'new://one' });
    await client.ping();
    await client.subscribeResource({ uri: 'new://one' });
    heard = 0;
    await until(
      'it is told',
      () => {
        modern.updated();
        return heard;
      },
      (count) => count > 0,
    );
    await client.ping();
  }
  await client.close();
});

test('kill -9 of one: its calls are gone, in bounded time, and those of the other are found', async () => {
  const asked = await waiting();
  process.kill(stack.pid('ext-proc-2'), 'SIGKILL');
  const answers = await Promise.all(asked.map(async (each, id) => retried(id, each)));
  const gone = answers.filter(({ error }) => error?.code === -32000);
  const found = answers.filter(({ result }) => JSON.stringify(result ?? {}).includes('accept Ada'));
  expect(gone.length).toBeGreaterThan(0);
  expect(found.length).toBeGreaterThan(0);
  expect(gone.length + found.length).toBe(CALLS);
  for (const { error } of gone) expect(error?.message).toMatch(/not waiting any more, and may have been executed/);
  // The one that took its place is another.
  await until(
    'it is back',
    () => stack.pid('ext-proc-2'),
    (pid) => pid > 0,
  );
  for (const [id, each] of (await waiting()).entries())
    expect((await rpc(await retry(id, each))).error).toBeUndefined();
});

/** A retry that Envoy refused because nobody decided on it may be sent again: it was not taken. */
async function retried(id: number, asked: Asked): Promise<Awaited<ReturnType<typeof rpc>>> {
  const sent = async () => {
    const response = await retry(id, asked);
    return { status: response.status, answer: await rpc(response) };
  };
  const { answer } = await until('somebody decides', sent, ({ status }) => status !== 503);
  return answer;
}
