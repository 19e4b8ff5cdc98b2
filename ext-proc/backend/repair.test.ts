import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sealEnvelope } from '../../core/mcp/envelope.ts';
import { fakeStream } from '../../test/support/ext-proc-answers.ts';
import { requestBody, requestHeaders } from '../../test/support/ext-proc-requests.ts';
import {
  answered,
  catalogOf,
  NOW_MS,
  readAs,
  serverOf,
  stateOf,
  TOKEN_ID,
  unreachable,
  versionedServer,
  versionOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { createRepair } from './repair.ts';

const REPLICA = '127.0.0.1:3001';
const HEADERS = requestHeaders({ headers: [[':method', 'POST']] });
const id = (text: string): string => Buffer.from(text).toString('base64url');

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

async function repaired(context: string, replica = REPLICA, used?: string) {
  const stream = fakeStream({ 'x-chancery-repair': context, 'x-chancery-upstream-host': replica });
  const headers: [string, string][] = used === undefined ? [] : [['mcp-session-id', used]];
  createRepair(stream, world.gateway).message(requestHeaders({ headers: [[':method', 'POST'], ...headers] }));
  return (await stream.answered())[0]!;
}
const sessionSet = (value: string) => ({
  kind: 'headers',
  set: { 'mcp-session-id': value },
  remove: [],
  clearRouteCache: false,
});
const pings = (): number => world.sent.filter(({ body }) => body?.includes('"ping"')).length;
/** A backend in which the sessions that were open are gone; new ones are opened. */
const forgetful = (): void => {
  const good = world.backend;
  world.backend = (request) =>
    request.body?.includes('"ping"') ? { ok: false, status: 404, why: 'status', detail: 'gone' } : good(request);
};

describe('a call that surely was not executed is repeated', () => {
  test('with a new session on the replica that Envoy chose, when the old one is gone', async () => {
    forgetful();
    expect(await repaired(`${world.token()} memory/1 ${id('7')}`)).toMatchObject(sessionSet('mcp.memory.1#1'));
    expect(world.sent.find(({ body }) => body?.includes('"initialize"'))?.replica).toBe(REPLICA);
  });

  test('with its own session, when that one still answers: the failure was about something else', async () => {
    world.backend = () => answered({});
    expect(await repaired(`${world.token()} memory/1 ${id('7')}`)).toMatchObject(sessionSet('memory-session'));
    expect(world.sent.map(({ idempotent }) => idempotent)).toEqual([false]);
  });

  test('with the session alone, out of the envelope in which it is kept', async () => {
    world.backend = () => answered({});
    const token = world.token(
      stateOf({ backends: [{ server: 'memory', version: '1', sessionId: sealEnvelope(REPLICA, 'inner') }] }),
    );
    expect(await repaired(`${token} memory/1 ${id('7')}`)).toMatchObject(sessionSet('inner'));
  });

  const elsewhere = () =>
    world.token(
      stateOf({ backends: [{ server: 'memory', version: '1', sessionId: sealEnvelope('127.0.0.1:9', 'inner') }] }),
    );

  test('with a new session, when Envoy chose another replica as the session died with its own', async () => {
    forgetful();
    expect(await repaired(`${elsewhere()} memory/1 ${id('7')}`, REPLICA, 'inner')).toMatchObject(
      sessionSet('mcp.memory.1#1'),
    );
    expect(pings()).toBe(1);
  });

  test('with a new session, when the call failed with one that was replaced since on another replica', async () => {
    expect(await repaired(`${elsewhere()} memory/1 ${id('7')}`, REPLICA, 'older')).toMatchObject(
      sessionSet('mcp.memory.1#1'),
    );
    expect(pings()).toBe(0);
  });

  test('not at all, when its session lives on another replica: the message was refused, and costs no session', async () => {
    world.backend = () => answered({});
    const answer = await repaired(`${elsewhere()} memory/1 ${id('7')}`, REPLICA, 'inner');
    expect(answer).toMatchObject({ kind: 'immediate', status: 400 });
    expect(world.sent).toHaveLength(pings());
    expect(world.gateway.side.size).toBe(0);
  });

  test('without a session, when its server keeps none', async () => {
    world.backend = () => answered({});
    const token = world.token(stateOf({ backends: [{ server: 'memory', version: '1', sessionId: '' }] }));
    expect(await repaired(`${token} memory/1 ${id('7')}`)).toEqual({
      kind: 'headers',
      set: {},
      remove: [],
      clearRouteCache: false,
      metadata: {},
    });
  });

  test('in an older version, where the backend has no newer one', async () => {
    world.catalog = catalogOf({ servers: [readAs('memory', [], { protocolVersion: '2025-03-26' })] });
    world.backend = () => answered({});
    await repaired(`${world.token()} memory/1 ${id('7')}`);
    expect(world.sent[0]?.protocolVersion).toBe('2025-03-26');
  });

  test('on the version that it was made with, although the session would be led to another one now', async () => {
    forgetful();
    const versions = [versionOf('memory', [], { state: 'deprecated' }), versionOf('memory', [], { version: '2' })];
    world.catalog = catalogOf({ servers: [versionedServer('memory', versions)] });
    const token = world.token({ backends: [] });
    expect(await repaired(`${token} memory/1 ${id('7')}`)).toMatchObject(sessionSet('mcp.memory.1#1'));
  });

  test('once: many calls of a session that find it dead open one new one', async () => {
    forgetful();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => repaired(`${world.token()} memory/1 ${id('7')}`)),
    );
    expect(answers.map((answer) => (answer.kind === 'headers' ? answer.set['mcp-session-id'] : answer))).toEqual(
      Array(5).fill('mcp.memory.1#1'),
    );
    expect(world.sent.filter(({ body }) => body?.includes('"initialize"'))).toHaveLength(1);
  });
});

describe('otherwise it is refused, with its id', () => {
  const refused = {
    kind: 'immediate',
    status: 503,
    headers: { 'content-type': 'application/json' },
    details: 'chancery_repair',
  };
  test.each<[string, string, () => string | undefined]>([
    ['the session was ended meanwhile', 'ended', () => void world.gateway.tombstones.add(TOKEN_ID, NOW_MS + 1)],
    [
      'its caller was turned out meanwhile',
      'revoked',
      () => {
        const revocation = { name: 'r', subject: 'alice', untilMs: NOW_MS + 1000 };
        world.catalog = { ...world.catalog!, revocations: new Map([['r', revocation]]) };
        return undefined;
      },
    ],
    ['the session expired meanwhile', 'expired', () => world.token({ expiresAtMs: NOW_MS - 1 })],
    ['the token was altered', 'forged', () => `${world.token()}AAAA`],
    [
      'no backend can be reached',
      'status: HTTP 503',
      () => {
        world.backend = () => unreachable;
        return undefined;
      },
    ],
    [
      'the server is gone',
      'the server version is gone from the catalog',
      () => {
        world.catalog = catalogOf({ servers: [] });
        return undefined;
      },
    ],
    [
      'its version is decommissioned',
      'the server version is gone from the catalog',
      () => {
        world.catalog = catalogOf({ servers: [serverOf('memory', [], { state: 'decommissioned' })] });
        return undefined;
      },
    ],
    [
      'its version is gone, and there is another',
      'the server version is gone from the catalog',
      () => {
        world.catalog = catalogOf({ servers: [serverOf('memory', [], { version: '2' })] });
        return undefined;
      },
    ],
    [
      'there is no catalog',
      'the server version is gone from the catalog',
      () => {
        world.catalog = null;
        return undefined;
      },
    ],
  ])('%s', async (_, reason, arrange) => {
    const token = arrange() ?? world.token();
    const answer = await repaired(`${token} memory/1 ${id('"ü"')}`);
    expect(answer).toMatchObject(refused);
    if (answer.kind !== 'immediate') return;
    expect(JSON.parse(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: 'ü',
      error: { code: -32000, message: 'the server behind this tool cannot be reached: memory' },
    });
    expect(world.logged.at(-1)).toMatchObject({ server: 'memory', reason });
  });

  test.each(['', ' ', '-', 'a b c d', 'a /1 b', 'a memory b', '%DYNAMIC_METADATA(chancery:repair)%'])(
    'its context is %j',
    async (context) => {
      expect(await repaired(context)).toMatchObject(refused);
    },
  );
});

describe('the exchange', () => {
  const context = () => ({
    'x-chancery-repair': `${world.token()} memory/1 ${id('1')}`,
    'x-chancery-upstream-host': REPLICA,
  });

  test('answers headers only, and ends when Envoy does', async () => {
    const stream = fakeStream(context());
    const handler = createRepair(stream, world.gateway);
    handler.message(requestBody('x'));
    expect(world.sent).toEqual([]);
    handler.message(HEADERS);
    await stream.answered();
    handler.halfClosed();
    expect(stream.state).toBe('ended');
    expect(stream.answers).toHaveLength(1);
  });
});
