// Decides what a session on several servers is from its beginning to its end: what is said of them, who is missing, what is told over its stream, and what is left when it ends.
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT_INFO, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served } from '../support/federation.ts';
import { type ModernTestServer, startModernTestServer } from '../support/modern-server.ts';
import { eventOf, type RawServer, resultOf, startRawServer } from '../support/raw-server.ts';
import { startTestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
/** SEP-414: in `_meta`, without a prefix. */
const TRACE = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  baggage: 'user=1',
};
const CAN_ASK = { sampling: {}, elicitation: {}, roots: {} };
const DENIED = { id: 'hidden', effect: 'deny', tools: ['hidden/*'] };

/** GET streams at the servers, by their sessions there. */
const streams = new Map<string, ServerResponse>();
const stream = (session: string, response: ServerResponse): void => {
  streams.set(session, response);
  response.flushHeaders();
};
const TOOL = (name: string): string => `{"tools":[{"name":"${name}","inputSchema":{"type":"object"}}]}`;
const SAID = '{"content":[{"type":"text","text":"said"}]}';

let stack: Stack;
let alpha: RawServer;
let beta: RawServer;
let hidden: RawServer;
let stalling: RawServer;
let modern: ModernTestServer;
let isStalled = false;
let token = '';
beforeAll(async () => {
  [alpha, beta, hidden, stalling, modern, stack] = await Promise.all([
    startRawServer('alpha', {
      capabilities: '{"tools":{},"logging":{},"experimental":{"x":{}},"resources":{"subscribe":true}}',
      instructions: 'Use alpha first.',
      answers: { 'tools/list': TOOL('say') },
      calls: {
        say: ({ idText, response }) =>
          void response
            .writeHead(200, { 'content-type': 'application/json', 'x-vendor': 'alpha', 'set-cookie': 'a=b' })
            .end(resultOf(idText, SAID)),
      },
      stream,
    }),
    startRawServer('beta', {
      capabilities: '{"tools":{"listChanged":false},"prompts":{},"completions":{}}',
      instructions: 'Then beta.',
      answers: { 'tools/list': TOOL('say'), 'prompts/list': '{"prompts":[{"name":"brief"}]}' },
      calls: { say: SAID },
      stream,
    }),
    startRawServer('hidden', { instructions: 'Of no use to you.', answers: { 'tools/list': TOOL('say') } }),
    startRawServer('stalling', {
      answers: { 'tools/list': TOOL('say') },
      calls: { say: SAID },
      isStalled: () => isStalled,
    }),
    startModernTestServer(),
    startStack({ example: '' }),
  ]);
  await put(stack, '/v1/policies/base', { ...ALLOW_ALL, rules: [...ALLOW_ALL.rules, DENIED] });
  const urls = { alpha, beta, hidden, stalling, modern };
  await declare(stack, Object.fromEntries(Object.entries(urls).map(([name, { url }]) => [name, url])));
  const members = (...names: string[]) => names.map((server) => ({ server }));
  await put(stack, '/v1/surfaces/default', { instructions: 'Be brief.', servers: members('alpha', 'beta', 'hidden') });
  await put(stack, '/v1/surfaces/one', { servers: members('alpha') });
  await put(stack, '/v1/surfaces/eras', { servers: members('alpha', 'modern') });
  await put(stack, '/v1/surfaces/slow', { servers: members('alpha', 'stalling') });
  await served(stack, 'default', 'alpha__say', 'beta__say');
  await served(stack, 'one', 'say');
  await served(stack, 'eras', 'alpha__say', 'modern__greet');
  await served(stack, 'slow', 'stalling__say');
  token = await stack.token();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([alpha, beta, hidden, stalling, modern].map((server) => server?.close()));
});

async function initialized(surface: string, capabilities: object = {}) {
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: CLIENT_INFO };
  const response = await raw(stack.mcp(surface), {
    token: await stack.token(surface),
    body: request('init', 'initialize', params),
  });
  return { session: response.headers.get('mcp-session-id') ?? '', ...(await rpc(response)) };
}
async function asked(surface: string, session: string, method: string, params: object = {}) {
  const response = await raw(stack.mcp(surface), {
    token: await stack.token(surface),
    session,
    body: request(1, method, params),
  });
  return { status: response.status, headers: response.headers, ...(await rpc(response)) };
}
async function askedModern(
  surface: string,
  method: string,
  params: { readonly name?: string; readonly _meta?: object },
) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
    ...params._meta,
  };
  const name = params.name === undefined ? {} : { 'mcp-name': params.name };
  return rpc(
    await raw(stack.mcp(surface), {
      token: await stack.token(surface),
      headers: { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...name },
      body: request(1, method, { ...params, _meta }),
    }),
  );
}

test('what servers can do is one whole, and each is introduced in its own words, to who sees something of it', async () => {
  const { result } = await initialized('default');
  expect(result).toMatchObject({ serverInfo: { name: 'chancery' } });
  const capabilities = {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    logging: {},
    completions: {},
  };
  expect(result?.capabilities).toEqual(capabilities);
  const instructions = 'Be brief.\n\n# alpha\nUse alpha first.\n\n# beta\nThen beta.';
  expect(result?.instructions).toBe(instructions);
  const discovered = await askedModern('default', 'server/discover', {});
  expect(discovered.result).toMatchObject({ instructions });
  const alone = (await initialized('one')).result;
  expect(alone).toMatchObject({ serverInfo: { name: 'alpha', version: '1' }, instructions: 'Use alpha first.' });
  expect(alone?.capabilities).toEqual({
    tools: { listChanged: true },
    logging: {},
    experimental: { x: {} },
    resources: { subscribe: true, listChanged: true },
  });
});

test('a server that is down is missing, the log and the answer say so, and in the same session it is there when it is up', async () => {
  const first = await startTestServer('late');
  const { port } = new URL(first.url);
  await declare(stack, { late: first.url });
  await put(stack, '/v1/surfaces/later', { servers: [{ server: 'alpha' }, { server: 'late' }] });
  await served(stack, 'later', 'late__greet');
  await first.close();
  const { session, result: opened } = await initialized('later');
  expect(opened?._meta).toEqual({ 'chancery/absent': ['late'] });
  await stack.logged('ext-proc', /"server":"late".*a backend is missing from a new session/);
  await until(
    'its metric says so',
    async () => (await stack.api('GET', '/metrics')).text(),
    (text) => text.includes('chancery_server_readable{server="late",version="1"} 0'),
  );
  const { result } = await asked('later', session, 'tools/list');
  expect((result?.tools as { name: string }[] | undefined)?.map(({ name }) => name)).toEqual([
    'alpha__say',
    'late__greet',
  ]);
  const greet = { name: 'late__greet', arguments: { who: 'you' } };
  expect(await asked('later', session, 'tools/call', greet)).toMatchObject({ status: 503, error: { code: -32000 } });
  expect((await asked('later', session, 'tools/call', { name: 'alpha__say' })).result).toBeDefined();
  const second = await startTestServer('late', Number(port));
  try {
    const { result } = await until(
      'it is there',
      () => asked('later', session, 'tools/call', greet),
      (answer) => answer.result !== undefined,
      30_000,
    );
    expect(texts(result)).toBe('late greets you');
  } finally {
    await second.close();
  }
});

test('a server that does not answer `initialize` keeps nobody from the others, and is tried again', async () => {
  isStalled = true;
  const { session, error } = await initialized('slow');
  expect(error).toBeUndefined();
  expect(texts((await asked('slow', session, 'tools/call', { name: 'alpha__say' })).result)).toBe('said');
  isStalled = false;
  const { result } = await until(
    'it is there',
    () => asked('slow', session, 'tools/call', { name: 'stalling__say' }),
    (answer) => answer.result !== undefined,
    30_000,
  );
  expect(texts(result)).toBe('said');
});

test('when it ends, each server hears it, its stream ends, and it is unknown', async () => {
  const from = [alpha.requests.length, beta.requests.length] as const;
  const session = await openSession(stack.mcp(), token);
  const listening = await raw(stack.mcp(), { method: 'GET', token, session });
  const response = await raw(stack.mcp(), { method: 'DELETE', token, session });
  expect(response.status).toBe(200);
  await response.text();
  expect(await listening.text()).not.toContain('"result"');
  for (const [index, server] of [alpha, beta].entries()) {
    const ended = await until(
      'it was told',
      () => server.requests.slice(from[index]).filter(({ method }) => method === 'DELETE'),
      (requests) => requests.length > 0,
    );
    const used = server.requests.slice(from[index]).map(({ headers }) => headers['mcp-session-id']);
    expect(ended.map(({ headers }) => headers['mcp-session-id'])).toEqual([used.at(-1)]);
  }
  expect(await asked('default', session, 'ping')).toMatchObject({ status: 404, error: { code: -32001 } });
});

interface Listener {
  text(): string;
  readonly done: Promise<void>;
  close(): void;
}
async function listen(session: string): Promise<Listener> {
  const gone = new AbortController();
  const response = await raw(stack.mcp(), { method: 'GET', token, session, signal: gone.signal });
  expect(response.status).toBe(200);
  let text = '';
  const decoder = new TextDecoder();
  const done = (async () => {
    for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true });
  })().catch(() => undefined);
  return { text: () => text, done, close: () => gone.abort() };
}
const heard = (listener: Listener, what: string): Promise<string> =>
  until(
    what,
    () => listener.text(),
    (text) => text.includes(what),
  );

test('that a page was done with (elicitation/complete) is told to the session that opened it, and to no other', async () => {
  const before = new Set(streams.keys());
  const own = await listen(await openSession(stack.mcp(), token));
  await until(
    'its servers are listened to',
    () => [...streams.keys()].filter((key) => !before.has(key)),
    (keys) => keys.length === 2,
  );
  const [ofAlpha = ''] = [...streams.keys()].filter((key) => !before.has(key) && key.startsWith('alpha'));
  const others = [await openSession(stack.mcp(), token), await openSession(stack.mcp(), await stack.token())];
  const listeners = await Promise.all(others.map(listen));
  streams
    .get(ofAlpha)
    ?.write(
      eventOf('{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e-1"}}'),
    );
  await heard(own, '"elicitationId":"e-1"');
  for (const key of streams.keys())
    if (!before.has(key))
      streams
        .get(key)
        ?.write(eventOf('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"last"}}'));
  for (const other of listeners) {
    await heard(other, '"last"');
    expect(other.text()).not.toContain('elicitation');
  }
  for (const each of [own, ...listeners]) each.close();
});

test('a change is told of the list that changed, and of no other; the surface’s servers change all of theirs', async () => {
  const listener = await listen(await openSession(stack.mcp(), token));
  await heard(listener, 'id: ');
  const deny = (rules: readonly object[]) =>
    put(stack, '/v1/policies/base', { ...ALLOW_ALL, rules: [...ALLOW_ALL.rules, DENIED, ...rules] });
  await deny([{ id: 'brief', effect: 'deny', prompts: ['beta/brief'] }]);
  await heard(listener, 'notifications/prompts/list_changed');
  expect(listener.text()).not.toMatch(/notifications\/(tools|resources)\/list_changed/);
  await deny([]);
  const servers = ['alpha', 'hidden'].map((server) => ({ server }));
  await put(stack, '/v1/surfaces/default', { instructions: 'Be brief.', servers });
  await heard(listener, 'notifications/tools/list_changed');
  expect(listener.text()).not.toContain('notifications/resources/list_changed');
  await put(stack, '/v1/surfaces/default', {
    instructions: 'Be brief.',
    servers: [...servers.slice(0, 1), { server: 'beta' }, ...servers.slice(1)],
  });
  await served(stack, 'default', 'alpha__say', 'beta__say');
  listener.close();
});

test('a second stream takes the place of the first', async () => {
  const session = await openSession(stack.mcp(), token);
  const first = await listen(session);
  await heard(first, 'id: ');
  const second = await listen(session);
  await heard(second, 'id: ');
  await first.done;
  second.close();
});

test('where a call comes from (`_meta.traceparent`) is told to servers of both eras by clients of both', async () => {
  const from = [alpha.requests.length, modern.requests.length] as const;
  const greet = { name: 'modern__greet', arguments: { who: 'x' }, _meta: TRACE };
  const say = { name: 'alpha__say', arguments: {}, _meta: TRACE };
  for (const capabilities of [{}, CAN_ASK]) {
    const { session } = await initialized('eras', capabilities);
    for (const call of [say, greet]) expect((await asked('eras', session, 'tools/call', call)).result).toBeDefined();
  }
  for (const call of [say, greet]) expect((await askedModern('eras', 'tools/call', call)).result).toBeDefined();
  const requests = [alpha.requests.slice(from[0]), modern.requests.slice(from[1])];
  for (const seen of requests) {
    const calls = seen.map(({ body }) => body).filter((body) => body.includes('"tools/call"'));
    expect(calls).toHaveLength(3);
    for (const body of calls) expect(JSON.parse(body).params._meta).toMatchObject(TRACE);
  }
});

test.each([
  ['that Envoy carries', {}],
  ['that ext-proc makes', CAN_ASK],
])(
  'the only server’s own headers come with the answer of a call %s, and none that is not the client’s',
  async (_, capabilities) => {
    const { session } = await initialized('one', capabilities);
    const answered = await asked('one', session, 'tools/call', { name: 'say', arguments: {} });
    expect(texts(answered.result)).toBe('said');
    expect(answered.headers.get('x-vendor')).toBe('alpha');
    expect(answered.headers.get('set-cookie')).toBeNull();
    expect(answered.headers.get('mcp-session-id')).toBeNull();
  },
);
