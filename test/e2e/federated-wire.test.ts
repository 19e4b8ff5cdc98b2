// Decides what goes over the wire unchanged on a surface with several servers and on one with a single server: every byte that is not ours to change.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO, openSession, raw, request, rpc } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served } from '../support/federation.ts';
import { EVENTS_TYPE, eventOf, type RawCall, type RawServer, resultOf, startRawServer } from '../support/raw-server.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
/** What a double cannot hold, and what libraries write otherwise. */
const ODD =
  '"big":9007199254740993,"small":-9007199254740993,"exact":1.0,"power":1E+2,"text":"\\u00e9\\/","vendor":{"":[null]}';
const TOOL = `{"name":"numbers","title":"Numbers","description":"d","inputSchema":{"type":"object","properties":{"n":{"type":"integer","maximum":9007199254740993}}},"outputSchema":{"type":"object","properties":{"big":{"type":"integer"}}},"icons":[{"src":"data:image/png;base64,AA==","mimeType":"image/png","sizes":["48x48"]}],"annotations":{"readOnlyHint":true},"_meta":{"ui":{"resourceUri":"ui://numbers/app"},"x.example/y":-12345678901234567890},"x-vendor":{"deep":[1e400,{"a":null}]}}`;
const NUMBERS = `{"content":[{"type":"text","text":"t","x-more":1}],"structuredContent":{${ODD}},"isError":false,"_meta":{"x.example/z":9007199254740993},"x-vendor":[1]}`;
const APP =
  '{"contents":[{"uri":"ui://numbers/app","mimeType":"text/html;profile=mcp-app","text":"<b>\\u003c</b>","_meta":{"ui":{"csp":{"connectDomains":[]}},"n":9007199254740993}}]}';
const URL_NEEDED =
  '{"code":-32042,"message":"open this first","data":{"elicitations":[{"mode":"url","elicitationId":"e-1","url":"https://example.test/x","message":"Sign in"}],"n":9007199254740993}}';
/** 30 MiB: more than sockets and HTTP/2 windows hold on the way of a call that Envoy carries. */
const BULK_EVENTS = 1_000;
const bulk = 'x'.repeat(32 * 1024);

const hanging: { readonly idText: string; closed: boolean }[] = [];
function hang({ idText, response }: RawCall): void {
  const call = { idText, closed: false };
  hanging.push(call);
  response.once('close', () => {
    call.closed = true;
  });
  response.writeHead(200, EVENTS_TYPE);
  response.write(
    eventOf('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"begun"}}'),
  );
}

/** What of the bulk its socket took so far. */
let poured = 0;
function pour({ idText, response }: RawCall): void {
  poured = 0;
  response.writeHead(200, EVENTS_TYPE);
  const more = (): void => {
    while (poured < BULK_EVENTS) {
      const data = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${poured} ${bulk}"}}`;
      poured++;
      if (!response.write(eventOf(data))) return void response.once('drain', more);
    }
    response.end(eventOf(resultOf(idText, '{"content":[]}')));
  };
  more();
}

const startServer = (name: string): Promise<RawServer> =>
  startRawServer(name, {
    capabilities: '{"tools":{},"resources":{"subscribe":true},"logging":{},"x-vendor":{}}',
    answers: {
      'tools/list': `{"tools":[${TOOL},{"name":"url","inputSchema":{"type":"object"}},{"name":"hang","inputSchema":{"type":"object"}},{"name":"pour","inputSchema":{"type":"object"}},{"name":"denied","inputSchema":{"type":"object"}},{"name":"route","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}`,
      'resources/list': `{"resources":[{"uri":"ui://${name}/app","name":"app","mimeType":"text/html;profile=mcp-app"}]}`,
      'resources/read': APP.replace('numbers', name),
    },
    calls: {
      numbers: NUMBERS,
      url: ({ idText, response }) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0","id":${idText},"error":${URL_NEEDED}}`),
      hang,
      pour,
      route: '{"content":[{"type":"text","text":"routed"}]}',
    },
  });

let stack: Stack;
let alpha: RawServer;
let beta: RawServer;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  [alpha, beta, stack] = await Promise.all([startServer('alpha'), startServer('beta'), startStack({ example: '' })]);
  await put(stack, '/v1/policies/base', {
    ...ALLOW_ALL,
    rules: [...ALLOW_ALL.rules, { id: 'no', effect: 'deny', tools: ['*/denied'] }],
  });
  await declare(stack, { alpha: alpha.url, beta: beta.url });
  const servers = [{ server: 'alpha' }, { server: 'beta' }];
  await put(stack, '/v1/surfaces/default', { servers });
  await put(stack, '/v1/surfaces/judged', { servers, decision: 'ext_authz' });
  await put(stack, '/v1/surfaces/one', { servers: [{ server: 'alpha' }] });
  for (const [surface, tool] of [
    ['default', 'beta__numbers'],
    ['judged', 'beta__numbers'],
    ['one', 'numbers'],
  ] as const) {
    await served(stack, surface, tool);
    tokens[surface] = await stack.token(surface);
  }
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([alpha?.close(), beta?.close()]);
});

/** `full` declares everything that a server could ask for: then its calls are composed. */
async function session(surface: string, protocolVersion = '2025-11-25', full = false): Promise<string> {
  if (!full) return openSession(stack.mcp(surface), tokens[surface]!, protocolVersion);
  const params = {
    protocolVersion,
    capabilities: { sampling: {}, elicitation: { url: {} }, roots: {} },
    clientInfo: CLIENT_INFO,
  };
  const response = await raw(stack.mcp(surface), {
    token: tokens[surface]!,
    body: request('init', 'initialize', params),
  });
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}
const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"${MODERN}","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"}}`;

/** In the modern era a request says which of its server's words it wants to hear. */
const POURED = ',"io.modelcontextprotocol/logLevel":"info"';
const metaWith = (more: string): string => `${meta.slice(0, -1)}${more}}`;

type Lane = 'native' | 'composed' | 'bridged';
/** Sends a call as JSON text; answers the response's text without what surrounds it in an event. */
async function call(
  surface: string,
  lane: Lane,
  idText: string,
  tool: string,
  args = '{}',
  over: Record<string, string> = {},
  signal?: AbortSignal,
  more = '',
): Promise<Response> {
  const name = surface === 'one' ? tool : `alpha__${tool}`;
  const isModern = lane === 'bridged';
  const body = `{"jsonrpc":"2.0","id":${idText},"method":"tools/call","params":{"name":"${name}","arguments":${args}${isModern ? `,${metaWith(more)}` : ''}}}`;
  const headers: Record<string, string> = isModern
    ? { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name, ...over }
    : over;
  const opened = isModern ? {} : { session: await session(surface, '2025-11-25', lane === 'composed') };
  return raw(stack.mcp(surface), { token: tokens[surface]!, ...opened, headers, body, ...(signal && { signal }) });
}
const IDS = ['9007199254740993', '"a\\"\\u0062"', '1.50', '-0', '""'];

describe.each<[string, Lane]>([
  ['default', 'native'],
  ['default', 'composed'],
  ['default', 'bridged'],
  ['one', 'native'],
  ['one', 'composed'],
  ['one', 'bridged'],
])('on the surface %s, a call that is %s', (surface, lane) => {
  test.each(IDS)('has the id %s', async (id) => {
    const text = await (await call(surface, lane, id, 'numbers')).text();
    expect(text).toContain(`"id":${id}`);
  });

  test('brings structured content, numbers and members that nobody knows, byte for byte', async () => {
    const text = await (await call(surface, lane, '1', 'numbers')).text();
    expect(text).toContain(`"structuredContent":{${ODD}}`);
    expect(text).toContain('"content":[{"type":"text","text":"t","x-more":1}]');
    expect(text).toContain('"x.example/z":9007199254740993');
    expect(text).toContain('"x-vendor":[1]');
  });

  test('sends arguments byte for byte', async () => {
    const from = alpha.requests.length;
    await (await call(surface, lane, '1', 'numbers', `{"n":9007199254740993,${ODD}}`)).text();
    expect(alpha.bodies('"tools/call"', from)[0]).toContain(`"arguments":{"n":9007199254740993,${ODD}}`);
  });

  test('passes on that a page must be opened first (-32042)', async () => {
    const text = await (await call(surface, lane, '7', 'url')).text();
    expect(text).toContain('"id":7');
    // The modern era has no such error; who declares nothing is told what it would need.
    if (lane === 'bridged') expect(text).toContain('"requiredCapabilities":{"elicitation":{}}');
    else expect(text).toContain(`"error":${URL_NEEDED}`);
  });

  test('is left by its caller, and its server hears of it as its era says', async () => {
    const gone = new AbortController();
    const from = hanging.length;
    const response = call(surface, lane, '"left"', 'hang', '{}', {}, gone.signal).catch(() => null);
    await until(
      'it is under way',
      () => hanging.length,
      (count) => count > from,
    );
    // Of a legacy call its caller has the beginning.
    if (lane !== 'bridged') await (await response)?.body?.getReader().read();
    const before = alpha.requests.length;
    gone.abort();
    await until(
      'its stream is closed',
      () => hanging[from]?.closed,
      (closed) => closed === true,
    );
    // "Disconnection SHOULD NOT be interpreted as the client cancelling its request" (2025-11-25, transports); later it is.
    if (lane !== 'bridged') return;
    await until(
      'its server is told',
      () => alpha.bodies('notifications/cancelled', before),
      (bodies) => bodies.length > 0,
    );
  });

  test('is read slowly, and nothing is lost', async () => {
    const response = await call(surface, lane, '1', 'pour', '{}', {}, undefined, POURED);
    const reader = response.body!.getReader();
    let [last, still] = [-1, 0];
    await until(
      'the server is held up',
      () => {
        still = poured === last ? still + 1 : 0;
        last = poured;
        return still;
      },
      (rounds) => rounds > 20,
    );
    // Envoy holds up a server for a client that does not read. Of what ext-proc writes it takes all: see slow-readers.test.ts.
    if (lane === 'native') expect(poured).toBeLessThan(BULK_EVENTS);
    const decoder = new TextDecoder();
    const numbers: number[] = [];
    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + decoder.decode(part.value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const number = /"data":"(\d+) x/.exec(line)?.[1];
        if (number !== undefined) numbers.push(Number(number));
      }
    }
    expect(numbers).toEqual(Array.from({ length: BULK_EVENTS }, (_, index) => index));
  });
});

describe('lists', () => {
  test.each(['default', 'one'])('on the surface %s describe a tool in its server’s own words', async (surface) => {
    const answer = await raw(stack.mcp(surface), {
      token: tokens[surface]!,
      session: await session(surface),
      body: request(1, 'tools/list'),
    });
    const text = await answer.text();
    const { tools } = JSON.parse(text).result as { tools: { name: string }[] };
    const name = surface === 'one' ? 'numbers' : 'alpha__numbers';
    expect(tools.find((tool) => tool.name === name)).toEqual({ ...JSON.parse(TOOL), name });
    // Numbers that JSON.parse rounds are as the server wrote them.
    for (const number of ['"maximum":9007199254740993,', '"x.example/y":-12345678901234567890', '"deep":[1e400,'])
      expect(text).toContain(number);
  });

  test('an app is found and read under its own URI', async () => {
    const opened = await session('default');
    const listed = await raw(stack.mcp(), {
      token: tokens.default!,
      session: opened,
      body: request(1, 'resources/list'),
    });
    const { resources } = (await rpc(listed)).result as { resources: { uri: string }[] };
    const uri = resources.map((each) => each.uri).find((each) => each.includes('alpha')) ?? '';
    expect(uri).toBe('ui://alpha/app');
    const read = await raw(stack.mcp(), {
      token: tokens.default!,
      session: opened,
      body: request(2, 'resources/read', { uri }),
    });
    expect(await read.text()).toContain(APP.replace('numbers', 'alpha'));
  });
});

describe('a version', () => {
  test.each([
    ['2025-03-26', '2025-03-26'],
    ['2025-06-18', '2025-06-18'],
    ['2025-11-25', '2025-11-25'],
    ['2024-11-05', '2025-11-25'],
    [MODERN, '2025-11-25'],
    ['2099-01-01', '2025-11-25'],
    ['', '2025-11-25'],
  ])('%j that is asked for is answered with %s', async (asked, wanted) => {
    for (const surface of ['default', 'one']) {
      const params = { protocolVersion: asked, capabilities: {}, clientInfo: CLIENT_INFO };
      const response = await raw(stack.mcp(surface), {
        token: tokens[surface]!,
        body: request(1, 'initialize', params),
      });
      expect((await rpc(response)).result).toMatchObject({ protocolVersion: wanted });
    }
  });

  test.each([[1], [null], [undefined], [{}]])('%j is none', async (protocolVersion) => {
    const params = { protocolVersion, capabilities: {}, clientInfo: CLIENT_INFO };
    const response = await raw(stack.mcp(), { token: tokens.default!, body: request(1, 'initialize', params) });
    expect((await rpc(response)).error).toMatchObject({ code: -32602 });
  });
});

describe.each(['default', 'judged'])('a batch of 2025-03-26 on the surface %s', (surface) => {
  const note = { jsonrpc: '2.0', method: 'notifications/initialized' };
  const tool = (name: string, id: unknown) => request(id as number, 'tools/call', { name, arguments: {} });
  const send = async (batch: unknown, version = '2025-03-26') =>
    raw(stack.mcp(surface), {
      token: tokens[surface]!,
      session: await session(surface, version),
      body: typeof batch === 'string' ? batch : JSON.stringify(batch),
    });
  async function answers(response: Response): Promise<Record<string, unknown>[]> {
    const text = await response.text();
    if (response.headers.get('content-type') === 'application/json') return JSON.parse(text);
    return [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data!));
  }

  test('allowed, denied, unknown, invalid and silent messages each have their own answer', async () => {
    const from = [alpha.requests.length, beta.requests.length] as const;
    const batch = [
      tool('alpha__numbers', 1),
      tool('beta__numbers', 'two'),
      tool('alpha__denied', 3),
      note,
      7,
      request(5, 'ping'),
      request(6, 'none/such'),
    ];
    const found = await answers(await send(batch));
    expect(found).toHaveLength(6);
    const by = new Map(found.map((each) => [each.id, each]));
    expect(by.get(1)).toMatchObject({ result: { isError: false } });
    expect(by.get('two')).toMatchObject({ result: { isError: false } });
    expect(by.get(3)).toMatchObject({ error: { code: -32602, message: 'unknown tool: alpha__denied' } });
    expect(by.get(null)).toMatchObject({ error: { code: -32600 } });
    expect(by.get(5)).toMatchObject({ result: {} });
    expect(by.get(6)).toMatchObject({ error: { code: -32601 } });
    expect(alpha.bodies('"denied"', from[0])).toEqual([]);
    expect(alpha.bodies('"numbers"', from[0])).toHaveLength(1);
    expect(beta.bodies('"numbers"', from[1])).toHaveLength(1);
  });

  test('ids and numbers survive in it', async () => {
    const body = `[{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"alpha__numbers","arguments":{}}}]`;
    const text = await (await send(body)).text();
    expect(text).toContain('"id":9007199254740993');
    expect(text).toContain(`"structuredContent":{${ODD}}`);
  });

  test('of notifications alone is accepted', async () => {
    const response = await send([note, note]);
    expect([response.status, await response.text()]).toEqual([202, '']);
  });

  test.each([
    ['empty', [], '2025-03-26'],
    ['of a session of a later version', [request(1, 'ping')], '2025-06-18'],
  ])('%s is refused', async (_, batch, version) => {
    const response = await send(batch, version);
    expect(response.status).toBe(400);
    expect((await rpc(response)).error?.code).toBe(-32600);
  });
});

test('a GET stream begins with an id to come back with, and with how long to wait before', async () => {
  const token = tokens.default!;
  const opened = await session('default');
  const listen = (headers: Record<string, string> = {}) =>
    raw(stack.mcp(), { method: 'GET', token, session: opened, headers });
  const begun = async (response: Response): Promise<string> => {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!/^id: .*\n(.+\n)*\n/m.test(text)) text += decoder.decode((await reader.read()).value, { stream: true });
    await reader.cancel();
    return text;
  };
  const first = await begun(await listen());
  expect(first).toMatch(/^retry: \d+$/m);
  const id = /^id: (\S+)$/m.exec(first)?.[1] ?? '';
  expect(id).toMatch(/^che1\./);
  expect((await begun(await listen({ 'last-event-id': id }))).length).toBeGreaterThan(0);
  // 2025-03-26 knows no priming event: an event without data would be one too many for its clients.
  const old = await session('default', '2025-03-26');
  const response = await raw(stack.mcp(), { method: 'GET', token, session: old });
  const { value } = await response.body!.getReader().read();
  expect(new TextDecoder().decode(value)).toBe(': open\n\n');
});

describe('an argument that a header repeats', () => {
  test('must agree where its server is of the other era, and does not reach it as a header', async () => {
    const from = alpha.requests.length;
    const fits = await call('default', 'bridged', '1', 'route', '{"region":"eu"}', { 'mcp-param-region': 'eu' });
    expect(await fits.text()).toContain('routed');
    const sent = alpha.requests.slice(from).find(({ body }) => body.includes('"route"'));
    expect(Object.keys(sent?.headers ?? {}).filter((header) => header.startsWith('mcp-param'))).toEqual([]);
    const differs = await call('default', 'bridged', '1', 'route', '{"region":"eu"}', { 'mcp-param-region': 'us' });
    expect((await rpc(differs)).error?.code).toBe(-32020);
    expect(alpha.bodies('"route"', from)).toHaveLength(1);
  });
});

test('a canary gets its share of modern callers, each always the same, in both lists and calls', async () => {
  const two = await startRawServer('two', {
    answers: { 'tools/list': '{"tools":[{"name":"which","inputSchema":{"type":"object"}}]}' },
    calls: { which: '{"content":[{"type":"text","text":"two"}]}' },
  });
  const one = await startRawServer('one', {
    answers: { 'tools/list': '{"tools":[{"name":"which","inputSchema":{"type":"object"}}]}' },
    calls: { which: '{"content":[{"type":"text","text":"one"}]}' },
  });
  const canary = { version: '2', endpoints: [{ url: two.url }], state: 'canary', canary: { percent: 50 } };
  const versions = [{ version: '1', endpoints: [{ url: one.url }] }, canary];
  await put(stack, '/v1/servers/pilot', { versions });
  await put(stack, '/v1/surfaces/pilots', { servers: [{ server: 'pilot' }, { server: 'beta' }] });
  await served(stack, 'pilots', 'pilot__which');
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pilot__which","arguments":{},${meta}}}`;
  const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'pilot__which' };
  const subjects = Array.from({ length: 16 }, (_, index) => `modern-${index}`);
  const bearers = await Promise.all(subjects.map((subject) => stack.token('pilots', subject)));
  const ask = async (token: string) =>
    /"text":"(\w+)"/.exec(await (await raw(stack.mcp('pilots'), { token, headers, body })).text())?.[1];
  await until(
    'both versions are called',
    () => Promise.all(bearers.map(ask)),
    (found) => found.includes('one') && found.includes('two') && !found.includes(undefined),
  );
  const first = await Promise.all(bearers.map(ask));
  expect(await Promise.all(bearers.map(ask))).toEqual(first);
  await Promise.all([one.close(), two.close()]);
});
