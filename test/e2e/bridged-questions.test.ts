// Decides that whatever a server may ask in the middle of whatever request is asked between the eras, both ways, and that each hears of the log as its era says.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  type McpServer as LegacyServer,
  ResourceTemplate as LegacyTemplate,
} from '@modelcontextprotocol/sdk/server/mcp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  ListRootsRequestSchema,
  ListRootsResultSchema,
  LoggingMessageNotificationSchema,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import {
  createMcpHandler,
  type InputRequests,
  inputRequired,
  McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served } from '../support/federation.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const FORM = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
const ASK = { message: 'Who are you?', requestedSchema: FORM };
const PAGE = { message: 'Open it', url: 'https://example.test/open' };
const SAMPLE = { messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'Hi' } }], maxTokens: 5 };
const CAPABILITIES = { sampling: {}, roots: {}, elicitation: { form: {}, url: {} } };
const TEMPLATE = '://items/{id}';
/** In a header of the modern era it must be encoded. */
const ITEM = '://items/zürich';

const levels: string[] = [];

type Asks = Pick<RequestHandlerExtra<ServerRequest, ServerNotification>, 'sendRequest'>;
/** What a server of the legacy era asks while it works, by the same names as below. */
const ASKS: Readonly<Record<string, (extra: Asks) => Promise<unknown>>> = {
  form: ({ sendRequest }) => sendRequest({ method: 'elicitation/create', params: ASK }, ElicitResultSchema),
  page: ({ sendRequest }) =>
    sendRequest(
      { method: 'elicitation/create', params: { ...PAGE, mode: 'url', elicitationId: 'e-1' } },
      ElicitResultSchema,
    ),
  sample: ({ sendRequest }) =>
    sendRequest({ method: 'sampling/createMessage', params: SAMPLE }, CreateMessageResultSchema),
  roots: ({ sendRequest }) => sendRequest({ method: 'roots/list' }, ListRootsResultSchema),
};
function furnish(server: LegacyServer): void {
  for (const [name, ask] of Object.entries(ASKS))
    server.registerTool(name, {}, async (extra) => ({
      content: [{ type: 'text', text: JSON.stringify(await ask(extra)) }],
    }));
  // It has no arguments, so this is all that it is given, whatever its type says.
  server.registerPrompt('ask', {}, async (extra: unknown) => ({
    messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify(await ASKS.form!(extra as Asks)) } }],
  }));
  server.registerResource(
    'ask',
    new LegacyTemplate(`old${TEMPLATE}`, { list: undefined }),
    {},
    async (uri, _, extra) => ({
      contents: [{ uri: uri.href, text: JSON.stringify(await ASKS.form!(extra)) }],
    }),
  );
  server.registerTool('log', {}, async (extra) => {
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'logged' } });
    return { content: [] };
  });
  server.server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    levels.push(params.level);
    return {};
  });
}

const QUESTIONS: InputRequests = {
  form: inputRequired.elicit(ASK),
  page: inputRequired.elicitUrl(PAGE),
  sample: inputRequired.createMessage(SAMPLE),
  roots: inputRequired.listRoots(),
};
/** Of the modern era alone. */
async function startModern() {
  const requests: { readonly headers: Readonly<Record<string, string>>; readonly body: string }[] = [];
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: 'new', version: '1.0.0' },
        { capabilities: { tools: {}, prompts: {}, resources: {}, logging: {} } },
      );
      const told = (key: string, given: Readonly<Record<string, unknown>> | undefined) =>
        given?.[key] === undefined ? null : JSON.stringify(given[key]);
      const ask = (key: string) => inputRequired({ inputRequests: { [key]: QUESTIONS[key]! } });
      for (const key of Object.keys(QUESTIONS))
        server.registerTool(key, {}, async ({ mcpReq }) => {
          const text = told(key, mcpReq.inputResponses);
          return text === null ? ask(key) : { content: [{ type: 'text', text }] };
        });
      server.registerPrompt('ask', {}, async ({ mcpReq }) => {
        const text = told('form', mcpReq.inputResponses);
        return text === null ? ask('form') : { messages: [{ role: 'user', content: { type: 'text', text } }] };
      });
      server.registerResource(
        'ask',
        new ResourceTemplate(`new${TEMPLATE}`, { list: undefined }),
        {},
        async (uri, __, { mcpReq }) => {
          const text = told('form', mcpReq.inputResponses);
          return text === null ? ask('form') : { contents: [{ uri: uri.href, text }] };
        },
      );
      server.registerTool('log', {}, async ({ mcpReq }) => {
        await mcpReq.log('info', 'logged');
        return { content: [] };
      });
      return server;
    },
    { legacy: 'reject' },
  );
  const serve = async (request: Request): Promise<Response> => {
    requests.push({ headers: Object.fromEntries(request.headers), body: await request.clone().text() });
    return handler.fetch(request);
  };
  const http = createServer(getRequestListener(serve, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as { port: number }).port}/mcp`,
    requests,
    async close() {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

let stack: Stack;
let old: TestServer;
let modern: Awaited<ReturnType<typeof startModern>>;
let token = '';
beforeAll(async () => {
  [old, modern, stack] = await Promise.all([
    startTestServer('old', 0, furnish, { capabilities: { logging: {} } }),
    startModern(),
    startStack({ example: '' }),
  ]);
  await put(stack, '/v1/policies/everything', ALLOW_ALL);
  await declare(stack, { old: old.url, new: modern.url });
  await put(stack, '/v1/surfaces/default', { servers: [{ server: 'old' }, { server: 'new' }] });
  await served(stack, 'default', 'old__log', 'new__log');
  token = await stack.token();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([old?.close(), modern?.close()]);
});

interface Talker {
  readonly asked: { readonly method: string; readonly params: unknown }[];
  readonly said: unknown[];
  call(name: string, meta?: object): Promise<string>;
  prompt(name: string): Promise<string>;
  read(uri: string): Promise<string>;
  level(level: 'info'): Promise<object>;
  close(): Promise<void>;
}

const ANSWERS: Readonly<Record<string, object>> = {
  'roots/list': { roots: [{ uri: 'file:///work' }] },
  'sampling/createMessage': { role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } },
};
function answering(asked: Talker['asked']) {
  return (method: string, params: unknown): object => {
    asked.push({ method, params });
    const isPage = (params as { mode?: string } | undefined)?.mode === 'url';
    return ANSWERS[method] ?? { action: 'accept', ...(isPage ? {} : { content: { name: 'Ada' } }) };
  };
}
const authorized = () => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } });

async function legacyClient(): Promise<Talker> {
  const [asked, said] = [[] as Talker['asked'], [] as unknown[]];
  const answer = answering(asked);
  const client = new LegacyClient(CLIENT_INFO, { capabilities: CAPABILITIES });
  for (const schema of [ElicitRequestSchema, CreateMessageRequestSchema, ListRootsRequestSchema])
    client.setRequestHandler(
      schema as typeof ElicitRequestSchema,
      ({ method, params }) => answer(method, params) as never,
    );
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void said.push(params.data));
  const transport = new LegacyTransport(new URL(stack.mcp()), authorized());
  await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
  return {
    asked,
    said,
    call: async (name) => JSON.stringify((await client.callTool({ name, arguments: {} })).content),
    prompt: async (name) => JSON.stringify(await client.getPrompt({ name })),
    read: async (uri) => JSON.stringify(await client.readResource({ uri })),
    async level(level) {
      await client.setLoggingLevel(level);
      return {};
    },
    close: () => client.close(),
  };
}

async function modernClient(): Promise<Talker> {
  const [asked, said] = [[] as Talker['asked'], [] as unknown[]];
  const answer = answering(asked);
  const versionNegotiation = { mode: { pin: MODERN } };
  const client = new ModernClient(CLIENT_INFO, { versionNegotiation, capabilities: CAPABILITIES });
  for (const method of ['roots/list', 'sampling/createMessage', 'elicitation/create'] as const)
    client.setRequestHandler(method, (question: { params?: unknown }) => answer(method, question.params) as never);
  client.setNotificationHandler('notifications/message', ({ params }) => void said.push(params.data));
  await client.connect(new ModernTransport(new URL(stack.mcp()), authorized()));
  return {
    asked,
    said,
    call: async (name, meta = {}) =>
      JSON.stringify((await client.callTool({ name, arguments: {}, _meta: { ...meta } })).content),
    prompt: async (name) => JSON.stringify(await client.getPrompt({ name })),
    read: async (uri) => JSON.stringify(await client.readResource({ uri })),
    level: async (level) => ({ 'io.modelcontextprotocol/logLevel': level }),
    close: () => client.close(),
  };
}

describe.each([
  ['a modern client of a legacy server', 'old', modernClient],
  ['a legacy client of a modern server', 'new', legacyClient],
] as const)('%s', (_, server, connect) => {
  let talker: Talker;
  beforeAll(async () => {
    talker = await connect();
  });
  afterAll(() => talker?.close());

  test.each<[string, (talker: Talker) => Promise<string>, string, object | undefined, string]>([
    ['a form', (each) => each.call(`${server}__form`), 'elicitation/create', ASK, 'Ada'],
    ['a page', (each) => each.call(`${server}__page`), 'elicitation/create', { ...PAGE, mode: 'url' }, 'accept'],
    ['a sample', (each) => each.call(`${server}__sample`), 'sampling/createMessage', SAMPLE, 'sampled'],
    ['roots', (each) => each.call(`${server}__roots`), 'roots/list', undefined, 'file:///work'],
    ['a form, by a prompt', (each) => each.prompt(`${server}__ask`), 'elicitation/create', ASK, 'Ada'],
    ['a form, by a resource', (each) => each.read(`${server}${ITEM}`), 'elicitation/create', ASK, 'Ada'],
  ])('is asked for %s', async (__, ask, method, params, wanted) => {
    const before = talker.asked.length;
    expect(await ask(talker)).toContain(wanted);
    const [question, ...more] = talker.asked.slice(before);
    expect(more).toEqual([]);
    expect(question?.method).toBe(method);
    if (params !== undefined) expect(question?.params).toMatchObject(params);
    // "elicitationId" is of the legacy era alone, which must have one.
    const isPage = 'mode' in (params ?? {});
    const id = (question?.params as { elicitationId?: unknown } | undefined)?.elicitationId;
    expect(typeof id).toBe(isPage && server === 'new' ? 'string' : 'undefined');
  });

  test('hears of the log when it said which level, and not before', async () => {
    await talker.call(`${server}__log`);
    expect(talker.said).toEqual([]);
    const meta = await talker.level('info');
    await until(
      'it is told',
      async () => {
        await talker.call(`${server}__log`, meta);
        return talker.said;
      },
      (said) => said.includes('logged'),
    );
    if (server === 'old') expect(levels).toContain('info');
  });
});

test('a name that no header holds is encoded in one', () => {
  const uri = `new${ITEM}`;
  const read = modern.requests.filter(({ body }) => body.includes(`"uri":"${uri}"`));
  // The question, and the retry with its answer.
  expect(read).toHaveLength(2);
  const encoded = `=?base64?${Buffer.from(uri).toString('base64')}?=`;
  for (const { headers } of read) expect(headers['mcp-name']).toBe(encoded);
});
