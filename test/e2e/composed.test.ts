// Decides that a call which ext-proc makes itself is, for its client, its server and its operator, the call that Envoy would have carried.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO, raw, request, rpc } from '../support/clients.ts';
import { type ModernTestServer, startModernTestServer } from '../support/modern-server.ts';
import { asJson, type ScriptedCall, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} };
const MODERN = '2026-07-28';

let stack: Stack;
let modern: ModernTestServer;
let alpha: ScriptedServer;
let beta: ScriptedServer;
let gamma: TestServer;

/** Calls of `hang` that are open, by what they were given as `key`. */
const hanging = new Map<unknown, { readonly closed: Promise<void> }>();

function play({ args, idText, response }: ScriptedCall): void {
  const result = `{"jsonrpc":"2.0","id":${idText},"result":{"content":[{"type":"text","text":"played"}]}}`;
  const note = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"noted"}}';
  switch (args.how) {
    case 'array':
      return asJson(response, `[${note},${result}]`);
    case 'events':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: [${note},${note}]\n\ndata: [${result}]\n\n`);
      return;
    case 'hang':
    case 'hang silently':
      if (args.how === 'hang') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${note}\n\n`);
      }
      hanging.set(args.key, { closed: new Promise((resolve) => response.once('close', resolve)) });
      return;
    case 'stream':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${result}\n\n`);
      return;
    default:
      return asJson(response, result);
  }
}

beforeAll(async () => {
  [modern, alpha, beta, gamma, stack] = await Promise.all([
    startModernTestServer(),
    startScriptedServer('alpha', { play, protocolVersion: '2025-03-26' }),
    startScriptedServer('beta', {
      tools: (declared) => ['sampling', 'elicitation'].filter((name) => Object.hasOwn(declared, name)),
      play,
      capabilities: { logging: {}, resources: { subscribe: true } },
    }),
    startTestServer('gamma', 0, undefined, { resumable: true }),
    startStack({ example: '' }),
  ]);
  const put = async (path: string, body: object): Promise<void> => {
    const response = await stack.api('PUT', path, body);
    expect(response.status, await response.text()).toBeLessThan(300);
  };
  const server = (url: string) => ({ versions: [{ version: '1', endpoints: [{ url }] }] });
  await put('/v1/servers/modern', server(modern.url));
  await put('/v1/servers/alpha', server(alpha.url));
  await put('/v1/servers/beta', server(beta.url));
  await put('/v1/servers/gamma', server(gamma.url));
  await put('/v1/policies/all', {
    version: 'tbac/v1',
    rules: [{ id: 'open', effect: 'allow', tools: ['*'], resources: ['*'] }],
  });
  const servers = ['alpha', 'beta', 'gamma', 'modern'].map((name) => ({
    server: name,
    tools: ['*'],
    resources: ['*'],
  }));
  await put('/v1/surfaces/default', { auth: 'none', servers });
  await until(
    'all four are served',
    async () => (await raw(`${stack.gateway}/v1/surfaces/default/tools`, { method: 'GET' })).text(),
    (tools) => ['alpha__play', 'beta__play', 'gamma__greet', 'modern__greet'].every((name) => tools.includes(name)),
  );
});
afterAll(async () => {
  await Promise.all([modern?.close(), alpha?.close(), beta?.close(), gamma?.close()]);
  await stack?.stop();
  stack?.remove();
});

async function open(capabilities: object = CAPABILITIES, protocolVersion = '2025-11-25'): Promise<string> {
  const params = { protocolVersion, capabilities, clientInfo: CLIENT_INFO };
  const response = await raw(stack.mcp(), { body: request('init', 'initialize', params) });
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}

interface TestedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface Called {
  readonly headers?: Readonly<Record<string, string>>;
  readonly id?: number | string;
  readonly signal?: AbortSignal;
}

function legacyCall(session: string, name: string, args: object, { headers, id = 1, signal }: Called = {}) {
  const body = request(id, 'tools/call', { name, arguments: args });
  return raw(stack.mcp(), { session, body, ...(headers && { headers }), ...(signal && { signal }) });
}

function modernCall(name: string, args: object, capabilities: object, { headers = {}, id = 1, signal }: Called = {}) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  return raw(stack.mcp(), {
    body: request(id, 'tools/call', { name, arguments: args, _meta }),
    headers: { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name, ...headers },
    ...(signal && { signal }),
  });
}

interface Line {
  readonly [member: string]: unknown;
}

/** What Envoy wrote of the calls with this request id. */
function lines(requestId: string, count: number): Promise<readonly Line[]> {
  const read = (): readonly Line[] =>
    stack
      .log('access')
      .split('\n')
      .filter((line) => line.endsWith('}') && line.includes(requestId))
      .map((line) => JSON.parse(line) as Line);
  return until('the access log', read, (seen) => seen.length >= count, 30_000);
}

/** A name for a trace that no other test has. */
let traces = 0;
function trace(): Record<string, string> {
  traces++;
  return { traceparent: `00-${String(traces).padStart(32, '0')}-0000000000000001-01` };
}

describe('the access log', () => {
  const RECORD = { lane: 'composed', decision: expect.stringMatching(/^[0-9a-f-]{36}$/), rules: 'all/open' };
  test.each<[string, () => Promise<Response>, object, () => TestedRequest[]]>([
    [
      'a call whose server may ask, answered as JSON',
      async () => legacyCall(await open(), 'alpha__play', { how: 'json' }, { headers: trace() }),
      { ...RECORD, server: 'alpha', target: 'play' },
      () => alpha.requests,
    ],
    [
      'the same, answered as a stream',
      async () => legacyCall(await open(), 'alpha__play', { how: 'stream' }, { headers: trace() }),
      { ...RECORD, server: 'alpha', target: 'play' },
      () => alpha.requests,
    ],
    [
      'a call of the modern era',
      () => modernCall('modern__greet', { who: 'x' }, CAPABILITIES, { headers: trace() }),
      { ...RECORD, server: 'modern', target: 'greet' },
      () => modern.requests,
    ],
    [
      'a call of a modern client to a legacy server',
      () => modernCall('alpha__play', { how: 'stream' }, {}, { headers: trace() }),
      { ...RECORD, lane: 'bridged', server: 'alpha', target: 'play' },
      () => alpha.requests,
    ],
    [
      'a call of a legacy client to a modern server',
      async () => legacyCall(await open({}), 'modern__greet', { who: 'x' }, { headers: trace() }),
      { ...RECORD, lane: 'bridged', server: 'modern', target: 'greet' },
      () => modern.requests,
    ],
  ])('shows of %s who was called, by whose leave, and which replica answered', async (_, call, record, reached) => {
    const response = await call();
    expect(response.status).toBe(200);
    expect((await rpc(response)).result).toBeDefined();
    const arrived = reached().at(-1)?.headers;
    const seen = await lines(String(arrived?.['x-request-id']), 2);
    const replica = new URL(reached() === modern.requests ? modern.url : alpha.url).host;
    expect(seen.find(({ listener }) => listener === 'chancery_ingress')).toMatchObject({
      ...record,
      cluster: `mcp.${(record as { server: string }).server}.1`,
      replica,
      attempts: '1',
      status: 200,
    });
    // The call behind it has the same request id.
    expect(seen.find(({ listener }) => listener === 'chancery_egress')).toMatchObject({ replica, status: 200 });
  });

  test('shows of a call that Envoy carries what it showed before', async () => {
    const response = await legacyCall(await open({}), 'alpha__play', {});
    expect((await rpc(response)).result).toBeDefined();
    const [line] = await lines(String(alpha.requests.at(-1)?.headers['x-request-id']), 1);
    expect(line).toMatchObject({ server: 'alpha', target: 'play', lane: null, attempts: 1, cluster: 'mcp.alpha.1' });
  });
});

describe('headers', () => {
  const OF_CLIENT = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'vendor=1',
    baggage: 'user=1',
    'accept-language': 'rm',
  };
  const PRIVATE = {
    authorization: 'Bearer x',
    cookie: 'a=b',
    referer: 'http://x.test/',
    'x-forwarded-for': '10.0.0.1',
    'x-forwarded-proto': 'https',
    'x-chancery-cluster': 'mcp.beta.1',
    'x-chancery-replica': '10.0.0.1:1',
    'last-event-id': '7',
  };
  test.each<[string, () => Promise<Response>, () => TestedRequest | undefined]>([
    [
      'composed',
      async () => legacyCall(await open(), 'alpha__play', {}, { headers: { ...OF_CLIENT, ...PRIVATE } }),
      () => alpha.requests.at(-1),
    ],
    [
      'native',
      async () => legacyCall(await open({}), 'alpha__play', {}, { headers: { ...OF_CLIENT, ...PRIVATE } }),
      () => alpha.requests.at(-1),
    ],
    [
      'composed, of the modern era',
      () =>
        modernCall('modern__route', { region: 'x' }, CAPABILITIES, {
          headers: { ...OF_CLIENT, ...PRIVATE, 'mcp-param-region': 'x' },
        }),
      () => modern.requests.at(-1),
    ],
    [
      'bridged to a legacy server',
      () => modernCall('alpha__play', {}, {}, { headers: { ...OF_CLIENT, ...PRIVATE } }),
      () => alpha.requests.at(-1),
    ],
    [
      'bridged to a modern server',
      async () =>
        legacyCall(await open({}), 'modern__route', { region: 'x' }, { headers: { ...OF_CLIENT, ...PRIVATE } }),
      () => modern.requests.at(-1),
    ],
  ])('that Envoy sends on go with a call that is %s, and none that it does not', async (lane, call, reached) => {
    const response = await call();
    expect((await rpc(response)).result, String(response.status)).toBeDefined();
    const headers = reached()?.headers ?? {};
    expect(headers).toMatchObject({ ...OF_CLIENT, 'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(Object.keys(headers)).toEqual(expect.not.arrayContaining(Object.keys(PRIVATE).slice(0, -2)));
    for (const name of Object.keys(PRIVATE)) {
      // Nobody set this one but the client, and it means nothing where it goes.
      if (lane === 'native' && (name === 'x-chancery-replica' || name === 'last-event-id')) continue;
      expect(headers[name], name).toBeUndefined();
    }
    if (String(headers['mcp-name']) === 'route') expect(headers['mcp-param-region']).toBe('x');
  });
});

test.each([
  ['as JSON', 'array'],
  ['in a stream of events', 'events'],
])('messages that a server of 2025-03-26 wrote as one array %s are each passed on', async (_, how) => {
  const noted = how === 'array' ? 1 : 2;
  for (const answer of [
    await legacyCall(await open(CAPABILITIES, '2025-03-26'), 'alpha__play', { how }),
    await modernCall('alpha__play', { how }, {}),
  ]) {
    const text = await answer.text();
    const isModern = text.includes('resultType');
    // A client of the modern era that wants to hear of the log says so.
    expect(text.split('notifications/message').length - 1, text).toBe(isModern ? 0 : noted);
    expect(text).toContain('"text":"played"');
    expect(text).not.toContain('data: [');
  }
});

describe('a client that goes away', () => {
  const opened = (key: string) =>
    until(
      key,
      () => hanging.get(key),
      (call) => call !== undefined,
    );
  const cancels = (server: ScriptedServer) =>
    server.requests.filter(({ body }) => body.includes('notifications/cancelled')).map(({ body }) => JSON.parse(body));
  const cancelled = (requestId: unknown) => ({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId },
  });

  test.each([
    ['that began to stream', 'hang'],
    ['that said nothing yet', 'hang silently'],
  ])('ends a call %s by a notification: its server hears it, and nobody is kept waiting', async (_, how) => {
    const session = await open();
    const before = [cancels(alpha).length, cancels(beta).length];
    const call = legacyCall(session, 'beta__play', { how, key: `cancel ${how}` }, { id: `c-${how}` });
    const server = await opened(`cancel ${how}`);
    const told = await raw(stack.mcp(), { session, body: cancelled(`c-${how}`) });
    expect(told.status).toBe(202);
    const response = await call;
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain('"result"');
    await server?.closed;
    expect(cancels(beta).slice(before[1])).toEqual([cancelled(`c-${how}`)]);
    expect(cancels(alpha)).toHaveLength(before[0] ?? 0);
    expect((await rpc(await legacyCall(session, 'beta__play', {}))).result).toBeDefined();
  });

  test('cancels in the modern era: a legacy server is told by the id that it knows, and its stream ends', async () => {
    const controller = new AbortController();
    const before = cancels(beta).length;
    const call = modernCall('beta__play', { how: 'hang', key: 'left' }, {}, { id: 'mine', signal: controller.signal });
    const server = await opened('left');
    controller.abort();
    await expect(call.then((response) => response.text())).rejects.toThrow();
    await server?.closed;
    const [told] = await until(
      'it was told',
      () => cancels(beta).slice(before),
      (seen) => seen.length > 0,
    );
    const called = beta.requests.findLast(({ body }) => body.includes('"left"'));
    expect(told.params.requestId).toBe(JSON.parse(called?.body ?? '{}').id);
    expect(told.params.requestId).not.toBe('mine');
  });

  test('of the legacy era cancels nothing: what it left is not told to its server', async () => {
    const controller = new AbortController();
    const before = cancels(beta).length;
    const session = await open();
    const call = legacyCall(session, 'beta__play', { how: 'hang', key: 'gone' }, { signal: controller.signal });
    const server = await opened('gone');
    controller.abort();
    await expect(call.then((response) => response.text())).rejects.toThrow();
    await server?.closed;
    expect((await rpc(await legacyCall(session, 'beta__play', {}))).result).toBeDefined();
    expect(cancels(beta)).toHaveLength(before);
  });
});

describe.each([
  ['that may be asked', CAPABILITIES],
  ['that may not, whose calls Envoy carries', {}],
])('a server that forgot the session of a client %s', (_, capabilities) => {
  test('is told its log level and its subscriptions again, before the call that found it out', async () => {
    const session = await open(capabilities);
    const ask = async (method: string, params: object): Promise<void> => {
      const answer = await rpc(await raw(stack.mcp(), { session, body: request(method, method, params) }));
      expect(answer.result, JSON.stringify(answer)).toBeDefined();
    };
    await ask('logging/setLevel', { level: 'error' });
    await ask('resources/subscribe', { uri: 'test://scripted' });
    await ask('resources/subscribe', { uri: 'test://other' });
    await ask('resources/unsubscribe', { uri: 'test://other' });
    const before = beta.requests.length;
    beta.forget();
    expect((await rpc(await legacyCall(session, 'beta__play', {}))).result).toBeDefined();
    const told = beta.requests.slice(before).map(({ headers, body }) => ({
      session: headers['mcp-session-id'],
      message: JSON.parse(body) as { method: string; params?: object },
    }));
    const fresh = told.at(-1);
    expect(fresh?.message.method).toBe('tools/call');
    const restored = told.filter((each) => each.session === fresh?.session).map(({ message }) => message);
    expect(restored.map(({ method }) => method).toSorted()).toEqual([
      'logging/setLevel',
      'notifications/initialized',
      'resources/subscribe',
      'tools/call',
    ]);
    expect(restored.find(({ method }) => method === 'logging/setLevel')?.params).toEqual({ level: 'error' });
    expect(restored.find(({ method }) => method === 'resources/subscribe')?.params).toEqual({ uri: 'test://scripted' });
  });
});

test('a server that numbers its events is called by ext-proc, and its numbers are not the client’s', async () => {
  const response = await legacyCall(await open({}), 'gamma__greet', { who: 'x' });
  const ids = [...(await response.text()).matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  expect(ids.length).toBeGreaterThan(0);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^ch/);
  const seen = await lines(String(gamma.requests.at(-1)?.headers['x-request-id']), 2);
  const line = seen.find(({ listener }) => listener === 'chancery_ingress');
  expect(line).toMatchObject({ lane: 'composed', server: 'gamma', target: 'greet' });
});

test.each<[string, object, readonly string[]]>([
  ['nothing', {}, ['beta__play']],
  ['sampling', { sampling: {} }, ['beta__play', 'beta__sampling']],
  ['elicitation and roots', { elicitation: {}, roots: {} }, ['beta__play', 'beta__elicitation']],
  ['all of it', CAPABILITIES, ['beta__play', 'beta__sampling', 'beta__elicitation']],
])(
  'a client that declares %s is shown, and may call, what the server would list for it',
  async (_, capabilities, names) => {
    const session = await open(capabilities);
    const { result } = await rpc(await raw(stack.mcp(), { session, body: request(1, 'tools/list') }));
    const listed = ((result?.tools ?? []) as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => name.startsWith('beta'));
    expect(listed).toEqual(names);
    const { error } = await rpc(await legacyCall(session, 'beta__sampling', {}));
    expect(error === undefined).toBe(names.includes('beta__sampling'));
  },
);

test('sessions that calls of modern clients share at legacy servers are ended with the process', async () => {
  expect((await rpc(await modernCall('beta__play', { how: 'stream' }, {}))).result).toBeDefined();
  const session = beta.requests.at(-1)?.headers['mcp-session-id'];
  expect(beta.deleted).not.toContain(session);
  process.kill(stack.pid('ext-proc'), 'SIGTERM');
  await until(
    'it is ended',
    () => beta.deleted,
    (deleted) => deleted.includes(String(session)),
  );
});
