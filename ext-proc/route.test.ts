import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServerVersion } from '../core/catalog/catalog.ts';
import {
  ALLOW_ALL,
  callerOf,
  catalogOf,
  ISSUER,
  memberOf,
  NOW_MS,
  request,
  serverOf,
  surfaceOf,
  TOKEN_ID,
  versionedServer,
  versionOf,
  type World,
  worldOf,
} from '../test/support/ext-proc-world.ts';
import { answerBodiless, answerPost } from './route.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

async function posted(body: object | string, over: Parameters<typeof callerOf>[1] = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const outcome = await answerPost(callerOf(world, { sessionToken: world.token(), ...over }), bytes, null);
  if (outcome.kind !== 'immediate') return outcome;
  const text = String(outcome.answer.body);
  return { ...outcome.answer, kind: outcome.kind, message: text === '' ? null : JSON.parse(text) };
}
const error = (status: number, code: number, message: string | RegExp, id: unknown = 1) => ({
  status,
  message: {
    jsonrpc: '2.0',
    id,
    error: { code, message: typeof message === 'string' ? message : expect.stringMatching(message) },
  },
});

describe('a message in a session', () => {
  test.each<[string, object, object]>([
    ['a ping is answered here', request('ping'), { status: 200, message: { jsonrpc: '2.0', id: 1, result: {} } }],
    ['a list is answered here', request('tools/list'), { status: 200, details: 'chancery_list_tools' }],
    [
      'a list of templates is one of its own',
      request('resources/templates/list'),
      { message: { result: { resourceTemplates: [{}] } } },
    ],
    ['a call goes on', request('tools/call', { name: 'memory__read_graph' }), { kind: 'relay' }],
    ['a prompt goes on', request('prompts/get', { name: 'files__summary' }), { kind: 'relay' }],
    ['a resource goes on', request('resources/read', { uri: 'file:///a.txt' }), { kind: 'relay' }],
    ['a resource of a template goes on', request('resources/read', { uri: 'file:///docs/x' }), { kind: 'relay' }],
    [
      'a notification is accepted',
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { status: 202, message: null },
    ],
    [
      'a response is accepted, since nothing was asked',
      { jsonrpc: '2.0', id: 5, result: {} },
      { status: 202, message: null },
    ],
    [
      'a notification that nobody knows is accepted, and goes nowhere',
      { jsonrpc: '2.0', method: 'notifications/x' },
      { status: 202, message: null },
    ],
    [
      'a call without an id is accepted, and not made',
      { jsonrpc: '2.0', method: 'tools/call', params: { name: 'memory__read_graph' } },
      { status: 202, message: null },
    ],
  ])('%s', async (_, body, wanted) => {
    expect(await posted(body)).toMatchObject(wanted);
    expect(world.sent).toEqual([]);
  });

  test.each<[string, object | string, object]>([
    ['no JSON', '{', error(400, -32700, 'the body is not valid JSON', null)],
    ['an empty body', '', error(400, -32700, 'the body is not valid JSON', null)],
    ['a batch', '[]', error(400, -32600, 'this protocol version does not allow batches', null)],
    [
      'no JSON-RPC',
      { id: 1, method: 'ping' },
      error(400, -32600, 'the body is not a JSON-RPC 2.0 message: jsonrpc must be "2.0"'),
    ],
    [
      'a repeated key',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memory__read_graph","Name":"delete_entities"}}',
      error(400, -32600, 'the body repeats an object key', null),
    ],
    ['an unknown method', request('tools/destroy'), error(200, -32601, 'method not found: tools/destroy')],
    [
      'an unknown method, of which so much is repeated',
      request('x'.repeat(9000)),
      error(200, -32601, /^method not found: x{256}$/),
    ],
    [
      'a tool without a name',
      request('tools/call'),
      error(200, -32602, 'invalid params: params.name must be a string'),
    ],
    [
      'a tool whose name is a number',
      request('tools/call', { name: 7 }),
      error(200, -32602, 'invalid params: params.name must be a string'),
    ],
    [
      'an unknown tool',
      request('tools/call', { name: 'memory__nope' }),
      error(200, -32602, 'unknown tool: memory__nope'),
    ],
    [
      'a tool under its own name',
      request('tools/call', { name: 'read_graph' }),
      error(200, -32602, 'unknown tool: read_graph'),
    ],
    [
      'a tool of an unknown server',
      request('tools/call', { name: 'x__read' }),
      error(200, -32602, 'unknown tool: x__read'),
    ],
    [
      'a tool as a prompt',
      request('prompts/get', { name: 'memory__read_graph' }),
      error(200, -32602, 'unknown prompt: memory__read_graph'),
    ],
    [
      'an unknown resource',
      request('resources/read', { uri: 'file:///b' }),
      error(200, -32002, 'resource not found: file:///b'),
    ],
  ])('%s is refused', async (_, body, wanted) => {
    expect(await posted(body)).toMatchObject(wanted);
    expect(world.sent).toEqual([]);
  });

  test('a denied tool is an unknown one to the caller; the log has the rule and its reason', async () => {
    const denied = await posted(request('tools/call', { name: 'memory__delete_entities' }));
    expect(denied).toMatchObject(error(200, -32602, 'unknown tool: memory__delete_entities'));
    expect(JSON.stringify(denied)).not.toContain('the memory is kept');
    expect(world.logged.at(-1)).toMatchObject({
      msg: 'a policy denied a call',
      surface: 'default',
      subject: 'alice',
      method: 'tools/call',
      target: 'memory__delete_entities',
      rules: ['base/keep'],
      reason: 'the memory is kept',
      decision: 'd1',
      revision: 7,
    });
  });
});

describe('the session', () => {
  test('is wanted for everything but initialize', async () => {
    for (const body of [
      request('ping'),
      request('tools/list'),
      request('tools/call', { name: 'memory__read_graph' }),
      request('nope'),
      { jsonrpc: '2.0', id: 1, result: {} },
    ]) {
      expect(await posted(body, { sessionToken: '' })).toMatchObject({
        status: 400,
        message: { error: { message: 'the Mcp-Session-Id header is required' } },
      });
    }
    expect(await posted(request('initialize', { protocolVersion: '2025-11-25' }), { sessionToken: '' })).toMatchObject({
      status: 200,
    });
  });

  test('is looked at before the target: who has none learns nothing of tools', async () => {
    const of = (name: string) => posted(request('tools/call', { name }), { sessionToken: 'wrong' });
    const wanted = error(404, -32001, 'session not found');
    expect(await of('memory__read_graph')).toMatchObject(wanted);
    expect(await of('memory__nope')).toMatchObject(wanted);
  });

  test('cannot be opened twice', async () => {
    expect(await posted(request('initialize', { protocolVersion: '2025-11-25' }))).toMatchObject(
      error(400, -32600, /initialize takes no Mcp-Session-Id/),
    );
    expect(world.sent).toEqual([]);
  });

  test('is not opened by a notification', async () => {
    expect(
      await posted(
        { jsonrpc: '2.0', method: 'initialize', params: { protocolVersion: '2025-11-25' } },
        { sessionToken: '' },
      ),
    ).toMatchObject({ status: 400 });
    expect(world.sent).toEqual([]);
  });
});

describe('a session on a version that is gone', () => {
  const gone = versionOf('memory', ['read_graph', 'delete_entities'], { state: 'decommissioned' });
  const served = versionOf('memory', ['read_graph'], { version: '2' });
  const withVersions = (...versions: ServerVersion[]): void => {
    world.catalog = catalogOf({ servers: [versionedServer('memory', versions), serverOf('files', ['read'])] });
  };
  const DATA = { server: 'memory', version: '1', activeVersion: '2' };

  test('is told so, with the one to go to, and nothing is sent', async () => {
    withVersions(gone, served);
    const refused = await posted(request('tools/call', { name: 'memory__read_graph' }));
    expect(refused).toMatchObject({
      status: 200,
      details: 'chancery_version_decommissioned',
      message: {
        id: 1,
        error: {
          code: -32000,
          message:
            'the version of the server that this session uses is gone: memory 1; the active version is 2: open a new session',
          data: DATA,
        },
      },
    });
    expect(world.sent).toEqual([]);
    expect(world.logged.at(-1)).toMatchObject({ code: 'version_decommissioned', msg: 'a message was refused' });
  });

  test('is told so when nothing is known of its tools any more', async () => {
    withVersions({ ...gone, discovered: null }, served);
    expect(await posted(request('tools/call', { name: 'memory__read_graph' }))).toMatchObject({
      message: { error: { data: DATA } },
    });
  });

  test('is told that there is no other', async () => {
    withVersions(gone);
    expect(await posted(request('tools/call', { name: 'memory__read_graph' }))).toMatchObject({
      message: {
        error: {
          message: expect.stringMatching(/there is no active version$/),
          data: { ...DATA, activeVersion: null },
        },
      },
    });
  });

  test('is told nothing of what the caller may not see', async () => {
    for (const version of [gone, { ...gone, discovered: null }]) {
      withVersions(version, served);
      expect(await posted(request('tools/call', { name: 'memory__delete_entities' }))).toMatchObject(
        error(200, -32602, 'unknown tool: memory__delete_entities'),
      );
    }
  });

  test('goes on with its other servers, and lists only theirs', async () => {
    withVersions(gone, served);
    expect(await posted(request('tools/call', { name: 'files__read' }))).toMatchObject({ kind: 'relay' });
    const { message } = (await posted(request('tools/list'))) as { message: { result: { tools: { name: string }[] } } };
    expect(message.result.tools.map(({ name }) => name)).toEqual(['files__read']);
  });

  test('does not tell a backend that is not there of its end', () => {
    withVersions(gone, served);
    const caller = callerOf(world, { want: 'end', sessionToken: world.token() });
    expect(answerBodiless(caller, 0, null)).toMatchObject({ answer: { status: 200 } });
    expect(world.sent.map(({ cluster }) => cluster)).toEqual(['mcp.files.1']);
  });

  test('is led elsewhere once nothing is known of it', async () => {
    withVersions(served);
    const outcome = await posted(request('tools/call', { name: 'memory__read_graph' }));
    expect(outcome).toMatchObject({
      kind: 'relay',
      relay: { setHeaders: expect.arrayContaining([['x-chancery-cluster', 'mcp.memory.2']]) },
    });
  });
});

describe('a mapped tool', () => {
  const map = [{ tool: 'query', name: 'ask', hide: ['debug'], fix: { database: 'orders' } }];
  beforeEach(() => {
    world.catalog = catalogOf({
      servers: [serverOf('memory', ['query'])],
      surfaces: [surfaceOf('default', [], { naming: 'mapped', members: [memberOf('memory', { map })] })],
      policies: [{ ...ALLOW_ALL, rules: [{ id: 'a', effect: 'allow', tools: ['memory/query'] }] }],
    });
  });

  test('goes on under its server’s name, with what is fixed: the policy speaks of that name', async () => {
    const outcome = await posted(request('tools/call', { name: 'ask', arguments: { sql: 'x' } }));
    if (outcome.kind !== 'relay') throw new Error(outcome.kind);
    expect(JSON.parse(Buffer.concat([...outcome.relay.body]).toString()).params).toEqual({
      name: 'query',
      arguments: { database: 'orders', sql: 'x' },
    });
  });

  test.each([{ database: 'x' }, { debug: true }, { Database: 'orders' }])('does not take %j', async (given) => {
    const [name] = Object.keys(given);
    expect(await posted(request('tools/call', { name: 'ask', arguments: given }))).toMatchObject(
      error(200, -32602, `invalid params: "${name}" is not an argument of this tool`),
    );
    expect(world.logged.at(-1)?.msg).toBe('a message was refused');
  });

  test('that the policy denies says nothing of its arguments', async () => {
    world.catalog = { ...world.catalog!, policies: new Map() };
    expect(await posted(request('tools/call', { name: 'ask', arguments: { debug: 1 } }))).toMatchObject(
      error(200, -32602, 'unknown tool: ask'),
    );
  });
});

describe('a request without a body', () => {
  const bodiless = (over: Parameters<typeof callerOf>[1], bodyBytes = 0) =>
    answerBodiless(callerOf(world, { sessionToken: world.token(), ...over }), bodyBytes, null);

  test('a GET opens the stream', () => {
    expect(bodiless({ want: 'stream' })).toMatchObject({ kind: 'stream' });
  });
  test('a DELETE ends the session, and the second one does not find it', () => {
    expect(bodiless({ want: 'end' })).toMatchObject({ answer: { status: 200 } });
    expect(bodiless({ want: 'end' })).toMatchObject({ answer: { status: 404 } });
    expect(bodiless({ want: 'stream' })).toMatchObject({ answer: { status: 404 } });
    expect(world.reported).toEqual([{ tokenId: TOKEN_ID, expiresAtMs: NOW_MS + 3_600_000 }]);
  });
  test.each(['stream', 'end'] as const)('%s wants a session', (want) => {
    expect(bodiless({ want, sessionToken: '' })).toMatchObject({
      answer: { status: 400, details: 'chancery_session_required' },
    });
    expect(bodiless({ want, sessionToken: 'x' })).toMatchObject({
      answer: { status: 404, details: 'chancery_session_unknown' },
    });
    expect(bodiless({ want, subject: 'bob' })).toMatchObject({
      answer: { status: 404, details: 'chancery_session_unknown' },
    });
    expect(world.gateway.tombstones.has(TOKEN_ID)).toBe(false);
  });
  test.each(['stream', 'end'] as const)('%s with one all the same is refused', (want) => {
    expect(bodiless({ want }, 1)).toMatchObject({ answer: { status: 400, details: 'chancery_invalid_request' } });
    expect(world.gateway.tombstones.has(TOKEN_ID)).toBe(false);
  });
});

describe('where ext-authz decides', () => {
  const body = Buffer.from(JSON.stringify(request('ping')));
  const word = (sha256: string) =>
    new Map([
      [
        'envoy.filters.http.ext_authz',
        new Map([
          ['surface', 'judged'],
          ['issuer', ISSUER],
          ['subject', 'alice'],
          ['body_sha256', sha256],
        ]),
      ],
    ]);
  const judged = () => callerOf(world, { surfaceName: 'judged', sessionToken: world.token({ surface: 'judged' }) });

  test('what it decided on goes on', async () => {
    expect(await answerPost(judged(), body, word(hash('sha256', body, 'hex')))).toMatchObject({
      answer: { status: 200 },
    });
  });
  test.each([
    ['nothing', null],
    ['nothing of its own', new Map()],
    ['something on another body', word('00')],
  ])('%s from it is no decision', async (_, metadata) => {
    expect(await answerPost(judged(), body, metadata)).toMatchObject({
      answer: { status: 503, details: 'chancery_decision_unavailable' },
    });
    expect(answerBodiless({ ...judged(), admitted: { ...judged().admitted, want: 'end' } }, 0, null)).toMatchObject({
      answer: { status: 503 },
    });
    expect(world.gateway.tombstones.has(TOKEN_ID)).toBe(false);
  });
  test('its word does not bring a call past our own decision', async () => {
    const call = Buffer.from(JSON.stringify(request('tools/call', { name: 'memory__delete_entities' })));
    const outcome = await answerPost(judged(), call, word(hash('sha256', call, 'hex')));
    expect(outcome).toMatchObject({ answer: { details: 'chancery_unknown_tool' } });
  });
});
