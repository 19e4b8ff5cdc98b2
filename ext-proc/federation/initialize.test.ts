import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { createSessionCodec } from '../../core/session/token.ts';
import {
  callerOf,
  catalogOf,
  goodBackend,
  messageOf,
  NOW_MS,
  readAs,
  request,
  serverOf,
  surfaceOf,
  unreachable,
  versionedServer,
  versionOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { viewOf } from '../view.ts';
import { initialize } from './initialize.ts';

const PARAMS = {
  protocolVersion: '2025-11-25',
  capabilities: { sampling: {} },
  clientInfo: { name: 'c', version: '1' },
};
let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

async function initialized(params: object = PARAMS, surfaceName = 'default', id: string | number = 1) {
  const outcome = await initialize(callerOf(world, { surfaceName }), messageOf(request('initialize', params, id)));
  if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
  const headers = Object.fromEntries(outcome.answer.headers);
  const token = headers['mcp-session-id'] ?? '';
  const opened = world.gateway.sessions().open(token);
  return {
    status: outcome.answer.status,
    message: JSON.parse(String(outcome.answer.body)),
    token,
    state: opened.ok ? opened.state : null,
  };
}

test('a session is opened on every backend, and one token carries them all', async () => {
  const { status, message, state } = await initialized(PARAMS, 'default', 'one');
  expect(status).toBe(200);
  expect(message).toEqual({
    jsonrpc: '2.0',
    id: 'one',
    result: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true } },
      serverInfo: { name: 'chancery', title: 'Chancery: default', version: '0.1.0' },
    },
  });
  expect(state).toMatchObject({
    surface: 'default',
    subject: 'alice',
    protocolVersion: '2025-11-25',
    clientCapabilities: { sampling: {} },
    clientInfo: PARAMS.clientInfo,
    issuedAtMs: NOW_MS,
    expiresAtMs: NOW_MS + LIMITS.sessionTtlMs,
    backends: [
      { server: 'memory', version: '1', sessionId: 'mcp.memory.1#1' },
      { server: 'files', version: '1', sessionId: 'mcp.files.1#2' },
    ],
  });
});

test('no two sessions have the same token', async () => {
  const [a, b] = [await initialized(), await initialized()];
  expect(a.token).not.toBe(b.token);
  expect(a.state?.tokenId).not.toBe(b.state?.tokenId);
});

test.each([
  ['2025-03-26', '2025-03-26'],
  ['2026-07-28', '2025-11-25'],
  ['2024-11-05', '2025-11-25'],
  ['', '2025-11-25'],
])('a client that asks for version %j gets %s', async (protocolVersion, wanted) => {
  const { message, state } = await initialized({ ...PARAMS, protocolVersion });
  expect(message.result.protocolVersion).toBe(wanted);
  expect(state?.protocolVersion).toBe(wanted);
  expect(JSON.parse(world.sent[0]?.body ?? '').params.protocolVersion).toBe(wanted);
});

describe('backends', () => {
  test('one that is down is left out, and the session is opened', async () => {
    const good = world.backend;
    world.backend = (sent) => (sent.cluster === 'mcp.files.1' ? unreachable : good(sent));
    const { status, state } = await initialized();
    expect(status).toBe(200);
    expect(state?.backends.map(({ server }) => server)).toEqual(['memory']);
    expect(world.logged).toContainEqual(
      expect.objectContaining({ server: 'files', msg: 'a backend is missing from a new session' }),
    );
  });

  test('one whose answer no header can hold is left out as well', async () => {
    const good = world.backend;
    world.backend = (sent) =>
      sent.cluster === 'mcp.files.1'
        ? { ok: true, status: 200, sessionId: 's', message: { result: { protocolVersion: '€\n' } } }
        : good(sent);
    expect((await initialized()).state?.backends.map(({ server }) => server)).toEqual(['memory']);
  });

  test('all that are down leave a session without any', async () => {
    world.backend = () => unreachable;
    expect(await initialized()).toMatchObject({ status: 200, state: { backends: [] } });
  });

  test('those that do not fit the token are kept beside it', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `server-${i}`);
    world.catalog = catalogOf({
      servers: names.map((name) => serverOf(name, ['t'])),
      surfaces: [surfaceOf('default', names)],
    });
    const good = goodBackend();
    world.backend = (sent) => {
      const answer = good(sent);
      return answer.ok && answer.sessionId !== ''
        ? { ...answer, sessionId: `${answer.sessionId}-${'x'.repeat(120)}` }
        : answer;
    };
    const { token, state } = await initialized();
    expect(token.length).toBeLessThanOrEqual(LIMITS.sessionTokenBytesMax);
    expect(state!.backends.length).toBeGreaterThan(5);
    expect(state!.backends.length + world.gateway.side.size).toBe(names.length);
    for (const name of names.slice(state!.backends.length)) {
      expect(world.gateway.side.get(state!.tokenId, `mcp.${name}.1`)?.sessionId).toContain(`mcp.${name}.1#`);
    }
  });
});

describe('each server has versions', () => {
  const canaryOf = (percent: number) =>
    versionedServer('memory', [
      versionOf('memory', ['read_graph']),
      versionOf('memory', ['new'], { version: '2', state: 'canary', canary: { percent, principals: ['ali*'] } }),
    ]);

  test('of which a session is opened on one, and sealed with it', async () => {
    world.catalog = catalogOf({ servers: [canaryOf(0), serverOf('files', ['read'])] });
    const { state } = await initialized();
    expect(state?.backends.map(({ server, version }) => `${server} ${version}`)).toEqual(['memory 2', 'files 1']);
    expect(world.sent.map(({ cluster }) => cluster)).not.toContain('mcp.memory.1');
  });

  test('chosen by the session itself: what could not be opened is looked for where it would have been', async () => {
    const server = canaryOf(50);
    world.catalog = catalogOf({
      servers: [
        {
          ...server,
          versions: server.versions.map((v) =>
            v.canary === undefined ? v : { ...v, canary: { percent: 50, principals: [] } },
          ),
        },
        serverOf('files', ['read']),
      ],
    });
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      world.sent.length = 0;
      world.backend = () => unreachable;
      const { state } = await initialized();
      expect(state?.backends).toEqual([]);
      const tried = world.sent.map(({ cluster }) => cluster).find((cluster) => cluster.startsWith('mcp.memory'))!;
      const caller = callerOf(world);
      const [memory] = viewOf(caller.catalog, caller.surface, state!).served;
      expect(memory?.cluster).toBe(tried);
      seen.add(tried);
    }
    expect([...seen].sort()).toEqual(['mcp.memory.1', 'mcp.memory.2']);
  });

  test('and none that is not served is opened', async () => {
    world.catalog = catalogOf({
      servers: [serverOf('memory', ['a'], { state: 'decommissioned' }), serverOf('files', ['read'])],
    });
    const { status, state } = await initialized();
    expect(status).toBe(200);
    expect(state?.backends.map(({ server }) => server)).toEqual(['files']);
    expect(world.sent.every(({ cluster }) => cluster === 'mcp.files.1')).toBe(true);
  });
});

describe('what it says of the surface', () => {
  test('a surface with one server speaks as that server', async () => {
    const { message } = await initialized(PARAMS, 'one');
    expect(message.result).toMatchObject({
      serverInfo: { name: 'memory-server', version: '9' },
      capabilities: { tools: { listChanged: true } },
    });
    expect(message.result.capabilities).not.toHaveProperty('prompts');
  });

  test('a server that was not read yet may have anything', async () => {
    world.catalog = catalogOf({
      servers: [serverOf('memory', [], { discovered: null })],
      surfaces: [surfaceOf('default', ['memory'])],
    });
    const { message } = await initialized();
    expect(Object.keys(message.result.capabilities)).toEqual(['tools', 'prompts', 'resources']);
    expect(message.result.serverInfo.name).toBe('chancery');
  });

  test('the surface’s instructions come before each server’s, under its name', async () => {
    const told = (name: string) => readAs(name, ['t'], { instructions: `Use ${name}.` });
    world.catalog = catalogOf({
      servers: [told('memory'), serverOf('quiet', ['t']), told('files')],
      surfaces: [
        surfaceOf('default', ['memory', 'quiet', 'files'], { instructions: 'Be kind.' }),
        surfaceOf('one', ['memory']),
      ],
    });
    expect((await initialized()).message.result.instructions).toBe(
      'Be kind.\n\n# memory\nUse memory.\n\n# files\nUse files.',
    );
    expect((await initialized(PARAMS, 'one')).message.result.instructions).toBe('Use memory.');
  });
});

describe('what cannot be opened is refused before any backend is asked', () => {
  const refused = (code: number, text: RegExp, status = 200) => ({
    status,
    message: { id: 'x', error: { code, message: expect.stringMatching(text) } },
  });
  test.each<[string, object, ReturnType<typeof refused>]>([
    [
      'no version',
      { ...PARAMS, protocolVersion: undefined },
      refused(-32602, /params\.protocolVersion must be a string/),
    ],
    [
      'a version that is a number',
      { ...PARAMS, protocolVersion: 3 },
      refused(-32602, /params\.protocolVersion must be a string/),
    ],
    [
      'capabilities that fit no token',
      { ...PARAMS, capabilities: { experimental: { x: 'x'.repeat(5000) } } },
      refused(-32602, /capabilities do not fit/),
    ],
  ])('%s', async (_, params, wanted) => {
    expect(await initialized(params, 'default', 'x')).toMatchObject(wanted);
    expect(world.sent).toEqual([]);
  });

  test('there is no key yet', async () => {
    world.close();
    const keyless = createSessionCodec([], { now: () => NOW_MS, randomBytes: (size) => Buffer.alloc(size) });
    world = worldOf({ sessions: () => keyless });
    expect(await initialized(PARAMS, 'default', 'x')).toMatchObject({
      status: 503,
      message: { id: 'x', error: { code: -32000 } },
    });
    expect(world.sent).toEqual([]);
  });
});

test('neither token nor backend session is logged', async () => {
  const { token } = await initialized();
  expect(JSON.stringify(world.logged)).not.toContain(token);
  expect(JSON.stringify(world.logged)).not.toContain('#1');
});
