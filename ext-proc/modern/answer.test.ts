import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { META } from '../../core/mcp/inbound.ts';
import {
  callerOf,
  catalogOf,
  listed,
  readAs,
  request,
  serverOf,
  surfaceOf,
  toolOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { answerPost } from '../route.ts';

const VERSION = '2026-07-28';
const SPOKEN = { protocolVersions: ['2025-11-25', VERSION] };
const ROUTED = toolOf('route', {
  inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
});
const mapped = surfaceOf('mapped', ['memory'], {
  naming: 'mapped',
  members: [
    {
      server: 'memory',
      tools: ['*'],
      prompts: [],
      resources: [],
      map: [{ tool: 'route', name: 'route_here', hide: [], fix: { region: 'ä' } }],
    },
  ],
});

let world: World;
beforeEach(() => {
  world = worldOf();
  world.catalog = catalogOf({
    servers: [
      readAs('memory', ['read_graph', 'delete_entities'], {
        ...SPOKEN,
        capabilities: {
          tools: {},
          extensions: { 'io.modelcontextprotocol/tasks': {}, 'io.modelcontextprotocol/ui': {} },
        },
        instructions: 'remember',
        tools: listed(toolOf('read_graph'), toolOf('delete_entities'), ROUTED),
        resources: listed({ uri: 'memory://one', name: 'one' }),
      }),
      serverOf('files', ['read']),
    ],
    surfaces: [
      surfaceOf('default', ['memory', 'files']),
      surfaceOf('one', ['memory']),
      surfaceOf('open', ['memory'], { auth: 'none' }),
      mapped,
    ],
  });
});
afterEach(() => world.close());

interface Over {
  readonly surfaceName?: string;
  readonly subject?: string;
  readonly capabilities?: object;
  readonly params?: Readonly<Record<string, string>>;
}
/** A request with the headers that it wants. */
async function asked(method: string, params: Record<string, unknown> = {}, over: Over = {}): Promise<Outcome> {
  const { capabilities = {}, params: paramHeaders = {}, ...who } = over;
  const name = params.name ?? params.uri;
  const _meta = { [META.protocolVersion]: VERSION, [META.clientCapabilities]: capabilities };
  const standard = { protocolVersion: VERSION, method, name: name === undefined ? undefined : String(name) };
  const caller = callerOf(world, { ...who, standard, paramHeaders: new Map(Object.entries(paramHeaders)) });
  return answerPost(caller, Buffer.from(JSON.stringify(request(method, { ...params, _meta }, 7))), null);
}
function told(outcome: Outcome) {
  if (outcome.kind !== 'immediate') throw new Error(`found ${outcome.kind}, wanted an answer`);
  return { status: outcome.answer.status, ...JSON.parse(String(outcome.answer.body)) };
}
function relayed(outcome: Outcome) {
  if (outcome.kind !== 'relay') throw new Error(`found ${outcome.kind}, wanted a relay`);
  const { setHeaders, removeHeaders, body } = outcome.relay;
  return {
    set: Object.fromEntries(setHeaders),
    remove: removeHeaders,
    params: JSON.parse(Buffer.concat(body).toString()).params,
  };
}
/** Starts a composed call, and answers it. */
async function composed(outcome: Outcome, result: object): Promise<Outcome> {
  if (outcome.kind !== 'pending') throw new Error(`found ${outcome.kind}, wanted a composed call`);
  return new Promise((resolve) => {
    outcome.start(resolve);
    const call = world.calls.made.at(-1)!;
    call.request.onOpen({ status: 200, contentType: 'application/json', sessionId: '' });
    call.request.onEvent({ data: JSON.stringify({ jsonrpc: '2.0', id: 7, result }) });
    call.request.onEnd('ended');
  });
}

describe('from the catalog', () => {
  test('a surface says what the caller can reach on it, and for how long', async () => {
    expect(told(await asked('server/discover')).result).toEqual({
      resultType: 'complete',
      supportedVersions: [VERSION],
      capabilities: expect.objectContaining({ tools: { listChanged: true } }),
      instructions: '# memory\nremember',
      ttlMs: expect.any(Number),
      cacheScope: 'private',
      _meta: { [META.serverInfo]: expect.objectContaining({ name: 'chancery' }) },
    });
  });

  test('one server speaks for itself', async () => {
    const { result } = told(await asked('server/discover', {}, { surfaceName: 'one' }));
    expect(result._meta[META.serverInfo].name).toBe('memory-server');
    expect(result.capabilities.extensions).toEqual({
      'io.modelcontextprotocol/ui': {},
      'io.modelcontextprotocol/tasks': {},
    });
  });

  test.each([
    ['default', 'private'],
    ['open', 'public'],
  ])('lists of the surface %s are %s', async (surfaceName, cacheScope) => {
    const { result } = told(await asked('tools/list', {}, { surfaceName }));
    expect(result).toMatchObject({ resultType: 'complete', cacheScope, ttlMs: expect.any(Number) });
    expect(result.tools.map(({ name }: { name: string }) => name)).not.toContain('memory__delete_entities');
  });
});

describe('a call', () => {
  test('goes on natively when its answer need not change: name and headers together, and no session', async () => {
    const { set, remove, params } = relayed(await asked('tools/call', { name: 'memory__read_graph', arguments: {} }));
    expect(set).toMatchObject({
      'mcp-protocol-version': VERSION,
      'mcp-method': 'tools/call',
      'mcp-name': 'read_graph',
      'x-chancery-cluster': 'mcp.memory.1',
    });
    expect(remove).toEqual(expect.arrayContaining(['mcp-session-id', 'last-event-id']));
    expect(params.name).toBe('read_graph');
  });

  test.each(['elicitation', 'sampling', 'roots', 'extensions'])(
    'of a client with %s is made here, since the server may ask',
    async (name) => {
      const outcome = await asked('tools/call', { name: 'memory__read_graph' }, { capabilities: { [name]: {} } });
      expect(outcome.kind).toBe('pending');
    },
  );

  test.each<[string, object, number]>([
    ['a denied tool', { name: 'memory__delete_entities' }, -32602],
    ['a tool of nobody', { name: 'x' }, -32602],
    ['without a name', {}, -32602],
  ])('%s is refused', async (_, params, code) => {
    expect(told(await asked('tools/call', params as Record<string, unknown>))).toMatchObject({
      status: 200,
      id: 7,
      error: { code },
    });
  });

  test('an unknown resource says which, and never -32002', async () => {
    expect(told(await asked('resources/read', { uri: 'x://y' })).error).toMatchObject({
      code: -32602,
      data: { uri: 'x://y' },
    });
  });

  test('what is read through a policy is for its reader alone', async () => {
    const read = await asked('resources/read', { uri: 'memory://one' });
    const answer = await composed(read, { resultType: 'complete', contents: [], ttlMs: 5, cacheScope: 'public' });
    expect(told(answer).result).toEqual({ resultType: 'complete', contents: [], ttlMs: 5, cacheScope: 'private' });
    expect((await asked('resources/read', { uri: 'memory://one' }, { surfaceName: 'open' })).kind).toBe('relay');
  });
});

describe('a header that repeats an argument', () => {
  const args = { name: 'memory__route', arguments: { region: 'x' } };
  test('agrees and goes on, with others that nobody knows', async () => {
    expect(
      relayed(await asked('tools/call', args, { params: { 'mcp-param-region': 'x', 'mcp-param-y': '1' } })).remove,
    ).not.toContain('mcp-param-y');
  });
  test.each([
    ['missing', {}],
    ['another', { 'mcp-param-region': 'y' }],
    ['encoded wrongly', { 'mcp-param-region': '=?base64?*?=' }],
  ])('%s is refused', async (_, params) => {
    expect(told(await asked('tools/call', args, { params: params as Record<string, string> }))).toMatchObject({
      status: 400,
      error: { code: -32020 },
    });
  });
  test('without its argument goes no further', async () => {
    const over = { params: { 'mcp-param-region': 'y' } };
    expect(relayed(await asked('tools/call', { name: 'memory__route', arguments: {} }, over)).remove).toContain(
      'mcp-param-region',
    );
  });
  test('is ours where the surface fixes the argument', async () => {
    const over = { surfaceName: 'mapped', params: { 'mcp-param-region': 'y' } };
    const { set, params } = relayed(await asked('tools/call', { name: 'route_here', arguments: {} }, over));
    expect(params.arguments).toEqual({ region: 'ä' });
    expect(set).toMatchObject({ 'mcp-name': 'route', 'mcp-param-region': '=?base64?w6Q=?=' });
  });
});

describe('a state', () => {
  const CALL = { name: 'memory__read_graph', arguments: {} };
  const over = { capabilities: { elicitation: {} } };
  /** As the server gives it: an escape that no writer of ours would write. */
  const RAW = '"s\\u0041/\\/"';
  const sealed = async (): Promise<string> => {
    const outcome = await asked('tools/call', CALL, over);
    if (outcome.kind !== 'pending') throw new Error(outcome.kind);
    const answer = await new Promise<Outcome>((resolve) => {
      outcome.start(resolve);
      const { request: call } = world.calls.made.at(-1)!;
      call.onOpen({ status: 200, contentType: 'application/json', sessionId: '' });
      call.onEvent({
        data: `{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","requestState":${RAW},"x":9007199254740993}}`,
      });
      call.onEnd('ended');
    });
    expect(answer.kind === 'immediate' && String(answer.answer.body)).toContain('"x":9007199254740993');
    return told(answer).result.requestState;
  };

  test('is sealed, and comes back to its server byte for byte', async () => {
    const state = await sealed();
    expect(state).toMatch(/^chs1\./);
    const outcome = await asked('tools/call', { ...CALL, requestState: state, inputResponses: { a: {} } }, over);
    if (outcome.kind !== 'pending') throw new Error(outcome.kind);
    outcome.start(() => {});
    const body = String(world.calls.made.at(-1)!.request.body);
    expect(body).toContain(`"requestState":${RAW}`);
    expect(body).toContain('"inputResponses":{"a":{}}');
  });

  test.each<[string, (state: string) => string, Over & { readonly name?: string; readonly laterMs?: number }, string]>([
    ['of another caller', (state) => state, { subject: 'mallory' }, 'forged'],
    ['of another surface', (state) => state, { surfaceName: 'one', name: 'read_graph' }, 'forged'],
    ['that was altered', (state) => `${state.slice(0, -8)}AAAAAAAA`, {}, 'forged'],
    ['that is the server’s own', () => 'sA//', {}, 'malformed'],
    ['that is too old', (state) => state, { laterMs: 3_600_000 }, 'expired'],
  ])('%s is refused, and the log says why', async (_, change, { name = CALL.name, laterMs = 0, ...who }, reason) => {
    const state = change(await sealed());
    world.nowMs += laterMs;
    const answer = told(await asked('tools/call', { name, arguments: {}, requestState: state }, { ...over, ...who }));
    expect(answer).toMatchObject({ status: 200, id: 7, error: { code: -32602 } });
    expect(world.logged.at(-1)).toMatchObject({ msg: 'a request state was refused', reason });
  });
});

describe('subscriptions/listen', () => {
  test('that said too much ends with its result', async () => {
    const outcome = await asked('subscriptions/listen', { notifications: {} });
    if (outcome.kind !== 'stream') throw new Error(outcome.kind);
    expect(outcome.bound?.bytesMax).toBe(LIMITS.listenedBytesMax);
    const words = outcome.bound?.lastWords() ?? '';
    expect(JSON.parse(words.slice('data: '.length))).toMatchObject({ id: 7, result: { resultType: 'complete' } });
  });

  const open = async (notifications: object) => {
    const outcome = await asked('subscriptions/listen', { notifications });
    if (outcome.kind !== 'stream') return told(outcome);
    const written: string[] = [];
    let ended = false;
    const close = outcome.open({
      write: (text) => void written.push(text),
      end: () => (ended = true),
      pendingBytes: () => 0,
    });
    return { written, close, ended: () => ended, messages: () => written.map((text) => JSON.parse(text.slice(6))) };
  };
  const ID = { [META.subscriptionId]: 7 };

  test('is acknowledged with what is honoured, and ends with its result', async () => {
    const stream = await open({
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ['memory://one', 'x://y'],
    });
    expect(stream.messages()[0]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['memory://one'] }, _meta: ID },
    });
    world.gateway.streams.close();
    expect(stream.messages().at(-1)).toMatchObject({ id: 7, result: { resultType: 'complete', _meta: ID } });
    expect(stream.ended()).toBe(true);
  });

  test('hears of a resource under its own id, and of none that it may not read', async () => {
    const stream = await open({ resourceSubscriptions: ['memory://one'] });
    const { request: upstream } = world.calls.made.at(-1)!;
    expect(upstream).toMatchObject({ cluster: 'mcp.memory.1', method: 'POST', protocolVersion: VERSION });
    const update = (uri: string) =>
      upstream.onEvent({
        data: `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}","x":9007199254740993,"_meta":{"${META.subscriptionId}":"listen"}}}`,
      });
    update('memory://one');
    update('memory://secret');
    expect(stream.written).toHaveLength(2);
    expect(stream.written[1]).toContain(`"x":9007199254740993,"_meta":{"${META.subscriptionId}":7}`);
  });

  test.each([
    ['no filter', undefined],
    ['a filter that is no object', []],
    ['resources that are no texts', { resourceSubscriptions: [1] }],
    ['a wish that is no boolean', { toolsListChanged: 'yes' }],
  ])('%s is refused', async (_, notifications) => {
    expect(await open(notifications as never)).toMatchObject({ status: 200, error: { code: -32602 } });
  });
});
