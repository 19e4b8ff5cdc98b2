import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { createEgressClient } from '../../core/mcp/egress.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { readServer } from './read-server.ts';
import { initializeResult, type Reply, type Script, scriptedServer, status } from './testdata/scripted-server.ts';

const target = { server: 'a', version: '1', cluster: 'mcp.a.1', path: '/mcp' };
const read = async (script: Script) => {
  const server = scriptedServer(script);
  const outcome = await readServer(server, target, () => 0);
  return { outcome, asked: server.asked, methods: server.asked.map(({ method }) => method || 'DELETE') };
};
const tools = (...names: string[]): JsonObject[] => names.map((name) => ({ name, inputSchema: { type: 'object' } }));

describe('a server', () => {
  test('is asked as a client that can do nothing and as one that can do all, and where that differs as those between', async () => {
    const { outcome, asked, methods } = await read({
      initialize: () => initializeResult({ tools: {} }, { instructions: 'be kind' }),
      'tools/list': ({ capabilities }) => ({ tools: tools('echo', ...('sampling' in capabilities ? ['sample'] : [])) }),
    });
    const once = ['initialize', 'notifications/initialized', 'tools/list', 'DELETE'];
    expect(methods).toEqual([...once, ...once, ...once, ...once, ...once]);
    expect(asked[0]?.capabilities).toEqual({});
    expect(Object.keys(asked[4]?.capabilities ?? {})).toEqual(['roots', 'sampling', 'elicitation', 'tasks']);
    expect([8, 12, 16].map((at) => Object.keys(asked[at]?.capabilities ?? {}))).toEqual([
      ['roots'],
      ['sampling'],
      ['elicitation'],
    ]);
    expect(asked[0]?.params).toMatchObject({ protocolVersion: '2025-11-25', clientInfo: { name: 'chancery' } });
    expect(
      asked.every(({ request }) => request.cluster === 'mcp.a.1' && request.path === '/mcp' && request.idempotent),
    ).toBe(true);
    expect(outcome).toMatchObject({
      ok: true,
      discovered: {
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        instructions: 'be kind',
        serverInfo: { name: 'scripted' },
        tools: {
          bare: tools('echo'),
          full: tools('echo', 'sample'),
          alone: { roots: ['echo'], sampling: ['echo', 'sample'], elicitation: ['echo'] },
        },
        prompts: { bare: [], full: [] },
      },
    });
  });

  test.each([
    ['gives its events ids', true],
    ['gives them none', undefined],
  ])('that %s is known to', async (_, eventIds) => {
    const server = scriptedServer({
      initialize: () => initializeResult({ tools: {} }),
      'tools/list': () => ({ tools: tools('echo') }),
    });
    const numbering: typeof server.send = async (request) => {
      const answer = await server.send(request);
      return answer.ok && request.body?.includes('tools/list') === true && eventIds ? { ...answer, eventIds } : answer;
    };
    const outcome = await readServer({ ...server, send: numbering }, target, () => 0);
    expect(outcome.ok && outcome.discovered.eventIds).toBe(eventIds);
  });

  test('is read page by page', async () => {
    const pages: Record<string, Reply> = {
      '': { resources: [{ uri: 'a:1' }], nextCursor: 'x' },
      x: { resources: [], nextCursor: '' },
      '""': {},
    };
    const { outcome } = await read({
      initialize: () => initializeResult({ resources: {} }),
      'resources/list': ({ params }) =>
        params.cursor === '' ? { resources: [{ uri: 'a:2' }] } : pages[String(params.cursor ?? '')]!,
      'resources/templates/list': () => ({ resourceTemplates: [{ uriTemplate: 'a:{n}' }] }),
    });
    expect(outcome).toMatchObject({
      discovered: {
        resources: { bare: [{ uri: 'a:1' }, { uri: 'a:2' }] },
        resourceTemplates: { bare: [{ uriTemplate: 'a:{n}' }] },
      },
    });
  });

  test('that shows everybody the same has one array', async () => {
    const { outcome } = await read({
      initialize: () => initializeResult({ tools: {} }),
      'tools/list': () => ({ tools: tools('echo') }),
    });
    if (!outcome.ok) throw new Error(outcome.error);
    expect(outcome.discovered.tools.bare).toBe(outcome.discovered.tools.full);
  });

  test('gets the same hash for the same content, and another for another', async () => {
    const hash = async (...names: string[]) => {
      const { outcome } = await read({
        initialize: () => initializeResult({ tools: {} }),
        'tools/list': () => ({ tools: tools(...names) }),
      });
      return outcome.ok ? outcome.discovered.hash : '';
    };
    expect(await hash('a')).toBe(await hash('a'));
    expect(await hash('a')).not.toBe(await hash('b'));
  });

  test('may announce a list that it does not have', async () => {
    const { outcome } = await read({
      initialize: () => initializeResult({ resources: {} }),
      'resources/list': () => ({ resources: [{ uri: 'a:1' }] }),
    });
    expect(outcome).toMatchObject({
      ok: true,
      discovered: { resources: { bare: [{ uri: 'a:1' }] }, resourceTemplates: { bare: [] } },
    });
  });

  test('keeps members that we do not know, and loses items that cannot be told apart', async () => {
    const { outcome } = await read({
      initialize: () => initializeResult({ tools: {} }),
      'tools/list': () => ({
        tools: [
          { name: 'a', 'x-new': [1] },
          { name: 'a', second: true },
          { title: 'no name' },
          7,
          null,
          { name: '' },
        ] as never,
      }),
    });
    expect(outcome).toMatchObject({ discovered: { tools: { bare: [{ name: 'a', 'x-new': [1] }] } } });
    expect(outcome.ok && outcome.discovered.tools.bare).toHaveLength(1);
  });
});

describe('a server cannot be read when', () => {
  const good: Script = { initialize: () => initializeResult({ tools: {} }) };
  let turn = 0;
  const cases: [string, Script, string][] = [
    [
      'it cannot be reached',
      { initialize: () => status(503, 'no healthy\u001b[31m upstream\n') },
      'initialize: HTTP 503: no healthy [31m upstream',
    ],
    ['it refuses', { initialize: () => ({ rpcError: { code: -32602, message: 'no' } }) }, 'initialize: no'],
    [
      'it speaks another protocol',
      { initialize: () => initializeResult({}, { protocolVersion: '2099-01-01' }) },
      'initialize: found protocol version "2099-01-01", wanted one of 2024-11-05',
    ],
    [
      'it does not take the notification',
      { ...good, 'notifications/initialized': () => status(500, 'oops') },
      'notifications/initialized: HTTP 500: oops',
    ],
    [
      'a list is no list',
      { ...good, 'tools/list': () => ({ tools: {} }) },
      'tools/list: the result has no list "tools"',
    ],
    [
      'a list fails',
      { ...good, 'tools/list': () => ({ rpcError: { code: -32603, message: 'broken' } }) },
      'tools/list: broken',
    ],
    [
      'a page is not there',
      {
        ...good,
        'tools/list': ({ params }) =>
          params.cursor === undefined
            ? { tools: [], nextCursor: 'x' }
            : { rpcError: { code: -32601, message: 'gone' } },
      },
      'tools/list: gone',
    ],
    [
      'pages go round',
      { ...good, 'tools/list': () => ({ tools: [], nextCursor: 'same' }) },
      'tools/list: the cursor "same" comes again',
    ],
    [
      'pages never end',
      { ...good, 'tools/list': () => ({ tools: [], nextCursor: String(turn++) }) },
      `tools/list: more than ${LIMITS.discoveredItemsMax} pages`,
    ],
    [
      'a cursor is no string',
      { ...good, 'tools/list': () => ({ tools: [], nextCursor: 7 }) },
      'tools/list: nextCursor is not a string',
    ],
    [
      'it has too many tools',
      {
        ...good,
        'tools/list': () => ({
          tools: tools(...Array.from({ length: LIMITS.discoveredItemsMax + 1 }, (_, i) => `t${i}`)),
        }),
      },
      `tools/list: more than ${LIMITS.discoveredItemsMax} items`,
    ],
    [
      'it says too much',
      {
        ...good,
        'tools/list': () => ({ tools: [{ name: 'a', description: 'x'.repeat(LIMITS.backendAnswerBytesMax) }] }),
      },
      `the lists have more than ${LIMITS.backendAnswerBytesMax} bytes`,
    ],
    [
      'it talks at length',
      { initialize: () => status(500, 'x'.repeat(1000)) },
      `initialize: HTTP 500: ${'x'.repeat(LIMITS.discoveryErrorCharsMax - 23)}…`,
    ],
  ];
  test.each(cases)('%s', async (_, script, error) => {
    const { outcome, methods } = await read(script);
    expect(outcome).toEqual({ ok: false, error: expect.stringContaining(error) });
    // A session that began is ended.
    if (methods.includes('notifications/initialized')) expect(methods.at(-1)).toBe('DELETE');
  });

  test('it takes too long', async () => {
    let nowMs = 0;
    const server = scriptedServer({
      initialize: () => initializeResult({ tools: {} }),
      'tools/list': () => {
        nowMs += LIMITS.discoveryDeadlineMs;
        return { tools: [], nextCursor: 'x' };
      },
    });
    const outcome = await readServer(server, target, () => nowMs);
    expect(outcome).toEqual({ ok: false, error: `tools/list: no answer within ${LIMITS.discoveryDeadlineMs} ms` });
    expect(server.asked.map(({ request }) => request.deadlineMs)).toEqual([
      10_000,
      10_000,
      10_000,
      LIMITS.probeDeadlineMs,
    ]);
  });
});

test('the real server-everything shows more to a client that can do more', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-discovery-'));
  const socket = join(folder, 'everything.sock');
  const script = join(ROOT_DIR, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
  const child = spawn(process.execPath, [script, 'streamableHttp'], {
    env: { PORT: socket },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const egress = createEgressClient(socket);
  try {
    await once(child.stderr, 'data');
    const outcome = await readServer(egress, target, Date.now);
    if (!outcome.ok) throw new Error(outcome.error);
    const { tools: found, prompts, resources, resourceTemplates } = outcome.discovered;
    expect([found.bare.length, found.full.length]).toEqual([13, 19]);
    expect([prompts.bare.length, resources.bare.length, resourceTemplates.bare.length]).toEqual([4, 7, 2]);
  } finally {
    egress.close();
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
