import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LifecycleState } from '../../core/catalog/lifecycle.ts';
import { LIMITS } from '../../core/limits.ts';
import {
  apiKeyIn,
  callerOf,
  catalogOf,
  NOW_MS,
  principalOf,
  serverOf,
  stateOf,
  versionedServer,
  versionOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { openStream } from './listen.ts';
import type { StreamSink } from './table.ts';

let world: World;
let written: string[];
let ended: boolean;
const sink: StreamSink = {
  write: (text) => void written.push(text),
  end: () => {
    ended = true;
  },
  pendingBytes: () => 0,
};
beforeEach(() => {
  world = worldOf();
  written = [];
  ended = false;
});
afterEach(() => world.close());

function opened(state: Partial<ReturnType<typeof stateOf>> = {}, over: Parameters<typeof callerOf>[1] = {}) {
  const outcome = openStream(callerOf(world, { want: 'stream', ...over }), stateOf(state));
  if (outcome.kind !== 'stream') throw new Error(outcome.kind);
  return { headers: Object.fromEntries(outcome.headers), forget: outcome.open(sink) };
}

test('a stream begins with its headers and a comment that sends them off', () => {
  expect(opened().headers).toEqual({
    ':status': '200',
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
  });
  expect(written).toEqual([
    ': open\n\n',
    expect.stringMatching(/^id: che1\.k1\.[\w-]{1,300}\nretry: 3000\ndata: \n\n$/),
  ]);
  expect(world.gateway.streams.size).toBe(1);
});

const change = async (): Promise<void> => {
  world.gateway.streams.changed();
  await new Promise(setImmediate);
};
/** The notifications, without the ids of their events. */
const said = (texts = written): string[] =>
  texts.map((text) => text.replace(/^(id|retry): .*\n/gm, '')).filter((text) => text.startsWith('data: {'));
const TOLD = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';

describe('a change of the catalog', () => {
  test('is told when this caller sees another list', async () => {
    opened();
    world.catalog = catalogOf({ servers: [serverOf('memory', ['read_graph', 'new']), serverOf('files', ['read'])] });
    await change();
    expect(said()).toEqual([TOLD]);
  });
  test('is not told when it does not', async () => {
    opened();
    world.catalog = catalogOf({ revision: 8 });
    await change();
    expect(said()).toEqual([]);
  });
  test('that takes the surface away, and brings it back, is told then', async () => {
    opened();
    world.catalog = catalogOf({ surfaces: [] });
    await change();
    expect(said()).toEqual([]);
    world.catalog = catalogOf();
    await change();
    expect(said()).toContain(TOLD);
  });
});

describe('a change of a server’s versions', () => {
  const two = (first: LifecycleState, tools: readonly string[] = ['read_graph']) => {
    const active = versionOf('memory', ['read_graph'], { version: '2' });
    const versions = [versionOf('memory', tools, { state: first }), active];
    return catalogOf({ servers: [versionedServer('memory', versions), serverOf('files', ['read'])] });
  };

  test.each<[string, LifecycleState, LifecycleState, string[] | undefined, boolean]>([
    ['that only marks the session’s own one is not told', 'active', 'deprecated', undefined, false],
    ['that takes the session’s own one away is told', 'deprecated', 'decommissioned', undefined, true],
    [
      'that leads the session elsewhere is told, also where it lists the same',
      'deprecated',
      'staging',
      undefined,
      true,
    ],
    ['with other tools of the session’s own one is told', 'deprecated', 'deprecated', ['read_graph', 'new'], true],
  ])('%s', async (_, before, after, tools, told) => {
    world.catalog = two(before);
    opened();
    world.catalog = two(after, tools);
    await change();
    expect(said().includes(TOLD)).toBe(told);
  });

  test('is told to a session that is not sealed on one, and not to one that is', async () => {
    world.catalog = catalogOf({ servers: [serverOf('memory', ['read_graph']), serverOf('files', ['read'])] });
    opened();
    const sealed = written;
    written = [];
    opened({ tokenId: Buffer.alloc(16, 2).toString('base64url'), backends: [] });
    const unsealed = written;
    world.catalog = two('deprecated');
    await change();
    expect(said(unsealed)).toContain(TOLD);
    expect(said(sealed)).not.toContain(TOLD);
  });
});

describe('a stream that was opened with an API key', () => {
  const ROBOT = { issuer: 'chancery:api-key', subject: 'robot' };
  test('goes on while the key is there, and ends when it is revoked', async () => {
    const { key } = apiKeyIn(world);
    opened(ROBOT, { apiKey: key });
    world.catalog = { ...world.catalog!, revision: 8 };
    await change();
    expect(ended).toBe(false);
    world.catalog = { ...world.catalog, revision: 9, apiKeys: new Map() };
    await change();
    expect(ended).toBe(true);
    expect(world.gateway.streams.size).toBe(0);
  });
  test('ends when it ended or no longer names the surface, at the next change', async () => {
    const { key } = apiKeyIn(world);
    opened(ROBOT, { apiKey: key });
    world.nowMs = key.expiresAtMs;
    await change();
    expect(ended).toBe(true);
  });
  test('ends with the key, without tolerance', () => {
    world.close();
    let expiresAtMs = 0;
    world = worldOf({
      streams: {
        ...world.gateway.streams,
        full: false,
        open: (stream) => {
          expiresAtMs = stream.expiresAtMs;
          return () => {};
        },
      },
    });
    const { key } = apiKeyIn(world, { expiresAtMs: NOW_MS + 5 });
    const caller = {
      ...callerOf(world, { apiKey: key }),
      principal: principalOf('robot', { expiresAtMs: NOW_MS + 5 }),
    };
    const outcome = openStream(caller, stateOf(ROBOT));
    if (outcome.kind === 'stream') outcome.open(sink);
    expect(expiresAtMs).toBe(NOW_MS + 5);
  });
});

test('when there are too many it is refused', () => {
  world.close();
  world = worldOf({
    streams: {
      open: () => () => {},
      full: true,
      end: () => {},
      endOwn: () => {},
      opening: () => null,
      beside: () => 0,
      changed: () => {},
      close: () => {},
      size: LIMITS.streamsMax,
    },
  });
  const outcome = openStream(callerOf(world, { want: 'stream' }), stateOf());
  expect(outcome).toMatchObject({ kind: 'immediate', answer: { status: 503, details: 'chancery_too_many_streams' } });
});

test('it does not outlive the bearer token by more than clocks may differ', () => {
  let expiresAtMs = 0;
  world.close();
  world = worldOf({
    streams: {
      open: (stream) => {
        expiresAtMs = stream.expiresAtMs;
        return () => {};
      },
      full: false,
      end: () => {},
      endOwn: () => {},
      opening: () => null,
      beside: () => 0,
      changed: () => {},
      close: () => {},
      size: 0,
    },
  });
  const caller = {
    ...callerOf(world, { want: 'stream' }),
    principal: principalOf('alice', { expiresAtMs: NOW_MS + 5 }),
  };
  const outcome = openStream(caller, stateOf({ expiresAtMs: NOW_MS + 3_600_000 }));
  if (outcome.kind === 'stream') outcome.open(sink);
  expect(expiresAtMs).toBe(NOW_MS + 5 + LIMITS.clockSkewMs);
  expect(ended).toBe(false);
});
