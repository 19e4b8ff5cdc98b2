import { describe, expect, test } from 'vitest';
import type { Discovered } from '../../core/catalog/catalog.ts';
import type { JsonObject } from '../../core/json.ts';
import type { EgressAnswer } from '../../core/mcp/egress.ts';
import { createEgressClient } from '../../core/mcp/egress.ts';
import { type Facts, factsOf, probeServer } from './probe.ts';
import { startLegacyServer, startModernServer } from './testdata/real-servers.ts';
import { type Asked, initializeResult, type Script, scriptedServer, status } from './testdata/scripted-server.ts';

const target = { server: 'a', version: '1', cluster: 'mcp.a.1', path: '/mcp' };
const READ = { protocolVersion: '2025-11-25', capabilities: { tools: {}, prompts: {}, resources: {} } };

async function probe(script: Script, read: typeof READ | JsonObject = READ, earlier: Facts | null = null) {
  const server = scriptedServer(script);
  const options = { egress: server, target, nowMs: () => 0, endMs: 10_000 };
  return {
    facts: await probeServer(options, { ...READ, ...read } as typeof READ, earlier),
    asked: server.asked,
    left: server.sessions(),
  };
}

const speaks =
  (...versions: string[]) =>
  ({ params }: Asked) => {
    const wanted = String(params.protocolVersion);
    return initializeResult({}, { protocolVersion: versions.includes(wanted) ? wanted : versions.at(-1)! });
  };
const mismatch = (code = -32020, http = 400): Extract<EgressAnswer, { ok: false }> => ({
  ...status(http, 'disagrees'),
  error: { code, message: 'disagrees' },
});
/** Answers `server/discover`, and refuses every request whose headers disagree with its body, but for `except`. */
const careful =
  (except: Readonly<Record<string, ReturnType<typeof mismatch> | JsonObject>> = {}) =>
  ({ request, method, params }: Asked) => {
    const name = request.headers?.['mcp-name'];
    if (request.headers?.['mcp-method'] === method && name === undefined)
      return { supportedVersions: ['2026-07-28'], capabilities: {} };
    return except[method] ?? mismatch('_meta' in params ? -32020 : -32602);
  };

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const EARLIER: Facts = { protocolVersions: ['2026-07-28'], refusesDisagreement: false, tasksExtension: true };

describe('the versions of a server', () => {
  const none = status(404, 'no such method');
  test.each<[string, Script, JsonObject, Facts | null, string[]]>([
    [
      'are those that it agrees to',
      { initialize: speaks('2025-03-26', '2025-11-25') },
      {},
      null,
      ['2025-03-26', '2025-11-25'],
    ],
    ['are one, when it always answers with that', { initialize: speaks('2025-11-25') }, {}, null, ['2025-11-25']],
    [
      'end with the one that it offered instead of the latest',
      { initialize: speaks('2025-03-26', '2025-06-18') },
      { protocolVersion: '2025-06-18' },
      null,
      ['2025-03-26', '2025-06-18'],
    ],
    [
      'may begin before those that the gateway speaks',
      { initialize: speaks('2024-11-05') },
      { protocolVersion: '2024-11-05' },
      null,
      ['2024-11-05'],
    ],
    [
      'are not those that it refuses, whatever was seen earlier',
      { initialize: () => ({ rpcError: { code: -32602, message: 'no' } }), modern: () => none },
      {},
      { protocolVersions: ['2025-06-18', '2026-07-28'], refusesDisagreement: true },
      ['2025-11-25'],
    ],
    [
      'are those of earlier where nothing can be seen now',
      { initialize: () => status(503, 'down'), modern: () => status(503, 'down') },
      {},
      { protocolVersions: ['2025-06-18', '2026-07-28'], refusesDisagreement: true },
      ['2025-06-18', '2025-11-25', '2026-07-28'],
    ],
    [
      'are not known where nothing can be seen now or was',
      { initialize: () => status(401, 'who?'), modern: () => status(429, 'later') },
      {},
      null,
      ['2025-11-25'],
    ],
    [
      'have the modern one when it says so',
      { initialize: speaks('2025-11-25'), modern: careful() },
      {},
      null,
      ['2025-11-25', '2026-07-28'],
    ],
    [
      'do not have the modern one when it supports another',
      { initialize: speaks('2025-11-25'), modern: () => ({ supportedVersions: ['2027-01-01'] }) },
      {},
      null,
      ['2025-11-25'],
    ],
    [
      'do not have the modern one when what it answers is no discovery',
      { initialize: speaks('2025-11-25'), modern: () => ({}) },
      {},
      null,
      ['2025-11-25'],
    ],
  ])('%s', async (_, script, read, earlier, versions) => {
    const { facts, left } = await probe(script, read, earlier);
    expect(facts.protocolVersions).toEqual(versions);
    expect(left).toBe(0);
  });

  test.each<[string, Script['modern'], Facts | null, boolean]>([
    ['declares it', () => ({ supportedVersions: ['2026-07-28'], capabilities: TASKS }), null, true],
    ['does not', () => ({ supportedVersions: ['2026-07-28'], capabilities: { extensions: {} } }), EARLIER, false],
    ['says what is none', () => ({ supportedVersions: ['2026-07-28'], capabilities: { extensions: 1 } }), null, false],
    ['says nothing of what it can do', () => ({ supportedVersions: ['2026-07-28'] }), null, false],
    ['declared it earlier, and cannot be asked', () => status(503, 'down'), EARLIER, true],
    ['declared it earlier, and is not modern any more', () => status(404, 'no'), EARLIER, false],
  ])('have the tasks extension where the server %s', async (_, modern, earlier, has) => {
    const { facts } = await probe({ initialize: speaks('2025-11-25'), modern: modern! }, {}, earlier);
    expect(facts.tasksExtension === true).toBe(has);
  });

  test('are asked for one after the other, and each session is ended', async () => {
    const { asked } = await probe({ initialize: speaks('2025-03-26', '2025-06-18', '2025-11-25') });
    const session = ['initialize', 'notifications/initialized', 'DELETE'];
    expect(asked.map(({ method }) => method || 'DELETE')).toEqual([...session, ...session, 'server/discover']);
  });

  test('are asked for in the way of each era', async () => {
    const { asked } = await probe({ initialize: speaks('2025-11-25'), modern: careful() });
    expect(asked.find(({ method }) => method === 'server/discover')).toMatchObject({
      request: { protocolVersion: '2026-07-28', headers: { 'mcp-method': 'server/discover' } },
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    });
  });
});

describe('a server refuses a header that disagrees with the body', () => {
  const modern = (answer: Script[string]): Script => ({ initialize: speaks('2025-11-25'), modern: answer });

  test('when it refuses the method, and the name of everything that it has', async () => {
    const { facts, asked } = await probe(modern(careful()));
    expect(facts.refusesDisagreement).toBe(true);
    const disagreeing = asked.filter(({ request }) => request.protocolVersion === '2026-07-28').slice(1);
    expect(disagreeing.map(({ request, method }) => [method, request.headers?.['mcp-method']])).toEqual([
      ['server/discover', 'tools/list'],
      ['tools/list', 'server/discover'],
      ['tools/call', 'tools/call'],
      ['prompts/get', 'prompts/get'],
      ['resources/read', 'resources/read'],
    ]);
    // What is called is nothing that anybody has.
    const named = disagreeing.slice(2).map(({ params }) => String(params.name ?? params.uri));
    expect(named.every((name) => name.includes('chancery-nobody-has-this'))).toBe(true);
  });

  test('and is not asked for what it does not have', async () => {
    const { asked, facts } = await probe(modern(careful()), { capabilities: { prompts: {} } });
    expect(asked.map(({ method }) => method)).not.toContain('tools/call');
    expect(facts.refusesDisagreement).toBe(true);
  });

  test.each<[string, Script[string]]>([
    ['it answers all the same', careful({ 'tools/call': { content: [] } })],
    ['it only says that there is no such tool', careful({ 'tools/call': { rpcError: { code: -32602 } } })],
    ['it does not look at the name of prompts', careful({ 'prompts/get': { messages: [] } })],
    ['it goes by the body where that is of the legacy era', careful({ 'tools/list': { tools: [] } })],
    ['it refuses a legacy body only for its session', careful({ 'tools/list': mismatch(-32000) })],
    ['it refuses with another code', careful({ 'tools/call': mismatch(-32600) })],
    ['it refuses with another status', careful({ 'tools/call': mismatch(-32020, 422) })],
    ['it cannot be seen now', careful({ 'tools/call': mismatch(-32020, 503) })],
    ['it does not speak the modern era', () => status(400, 'no session')],
  ])('but not when %s', async (_, answer) => {
    const earlier = { protocolVersions: ['2025-11-25'], refusesDisagreement: true };
    expect((await probe(modern(answer), {}, earlier)).facts.refusesDisagreement).toBe(false);
  });
});

describe('the real server', () => {
  const real = async (start: () => ReturnType<typeof startLegacyServer>) => {
    const server = await start();
    const egress = createEgressClient(server.socketPath);
    try {
      const options = { egress, target, nowMs: Date.now, endMs: Date.now() + 10_000 };
      const facts = await probeServer(options, READ, null);
      return { facts, left: server.sessions() };
    } finally {
      egress.close();
      await server.close();
    }
  };

  test('of the modern SDK speaks all versions, and refuses', async () => {
    const { facts } = await real(() => startModernServer('stateless'));
    expect(facts).toEqual({
      protocolVersions: ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'],
      refusesDisagreement: true,
    });
  });

  test('of the legacy SDK speaks those with sessions, and none is left behind', async () => {
    expect(await real(startLegacyServer)).toEqual({
      facts: { protocolVersions: ['2025-03-26', '2025-06-18', '2025-11-25'], refusesDisagreement: false },
      left: 0,
    });
  });
});

describe('what was found out earlier', () => {
  const read = { protocolVersion: '2025-11-25', serverInfo: { name: 'a', version: '1' } } as unknown as Discovered;
  test.each<[string, Discovered | null, Facts | null]>([
    ['is nothing when there is nothing', null, null],
    ['is nothing when it was not asked', read, null],
    [
      'is of the same server, in whatever order it names itself',
      { ...read, protocolVersions: ['x'], serverInfo: { version: '1', name: 'a' } },
      { protocolVersions: ['x'], refusesDisagreement: false },
    ],
    [
      'has what the server declared in the modern era',
      { ...read, protocolVersions: ['x'], tasksExtension: true },
      { protocolVersions: ['x'], refusesDisagreement: false, tasksExtension: true },
    ],
    ['is not of another release', { ...read, protocolVersions: ['x'], serverInfo: { name: 'a', version: '2' } }, null],
  ])('%s', (_, earlier, facts) => {
    expect(factsOf(earlier, read)).toEqual(facts);
  });
});
