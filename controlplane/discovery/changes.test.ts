import { afterEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { initializeResult, type Script, status } from './testdata/scripted-server.ts';
import { refuse, type ScriptedStream } from './testdata/scripted-streams.ts';
import { closeAll, KNOWN, setup, target, type World } from './testdata/world.ts';

afterEach(closeAll);

const ANNOUNCING = { tools: { listChanged: true } };
const CHANGED = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
const announcing: Script = {
  initialize: () => initializeResult(ANNOUNCING),
  'tools/list': () => ({ tools: [] }),
};
/** All that can happen without a timer has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function reading(
  script: Script = announcing,
  options: Parameters<typeof setup>[1] = {},
): Promise<World & { stream: ScriptedStream }> {
  const world = setup(script, options);
  world.discovery.sync([target('a')]);
  await world.saved();
  return { ...world, stream: world.streams.opened[0]! };
}

describe('a server that announces changes', () => {
  test('is listened to in the session of a client that can do nothing, from before its lists are read', async () => {
    let listed = 0;
    const world = await reading(
      { ...announcing, 'tools/list': () => ({ tools: [{ name: `t${listed++}` }] }) },
      { onOpen: (stream) => (listed === 0 ? stream.begin() : undefined) },
    );
    expect(world.streams.opened).toHaveLength(1);
    expect(world.stream.request).toMatchObject({
      cluster: 'mcp.a.1',
      path: '/mcp',
      sessionId: 'session-1',
      protocolVersion: '2025-11-25',
    });
    expect(world.stream.request.body).toBeUndefined();
    expect(world.egress.asked[0]?.capabilities).toEqual({});
    // The session of the stream lives; the other one is ended.
    expect(world.egress.sessions()).toBe(1);
    await world.discovery.close();
    expect(world.egress.sessions()).toBe(0);
  });

  test.each<[string, JsonObject]>([
    ['says nothing of changes', { tools: {} }],
    ['says that it announces none', { tools: { listChanged: false }, logging: { listChanged: true } }],
  ])('and one that %s is not listened to', async (_, capabilities) => {
    const { streams, egress } = await reading({ ...announcing, initialize: () => initializeResult(capabilities) });
    expect(streams.opened).toHaveLength(0);
    expect(egress.sessions()).toBe(0);
  });

  test.each(['tools', 'prompts', 'resources'])(
    'is read again when its %s change, and keeps its stream',
    async (list) => {
      const { stream, clock, saved, streams } = await reading();
      clock.pass(LIMITS.discoveryChangePauseMs);
      stream.say({ jsonrpc: '2.0', method: `notifications/${list}/list_changed` });
      expect(clock.next()).toBe(LIMITS.discoveryChangeWaitMs);
      await saved();
      expect(streams.opened).toHaveLength(1);
      expect(clock.next()).toBe(LIMITS.discoveryIntervalMs);
      await saved();
    },
  );

  test('without end is read once for a burst, some times in a row, and every few seconds at most', async () => {
    const { stream, clock, saved, egress } = await reading();
    const before = egress.asked.length;
    const waits: number[] = [];
    for (let count = 0; count < LIMITS.discoveryChangeReadingsMax + 2; count += 1) {
      for (let word = 0; word < 1000; word += 1) stream.say(CHANGED);
      expect(clock.timers).toHaveLength(1);
      waits.push(clock.next());
      await saved();
    }
    // The reading at the start is one of those in a row; the waits between them count towards the first pause.
    const atOnce = LIMITS.discoveryChangeReadingsMax - 1;
    expect(waits).toEqual([
      ...Array(atOnce).fill(LIMITS.discoveryChangeWaitMs),
      LIMITS.discoveryChangePauseMs - atOnce * LIMITS.discoveryChangeWaitMs,
      LIMITS.discoveryChangePauseMs,
      LIMITS.discoveryChangePauseMs,
    ]);
    // Two sessions of four requests each.
    expect(egress.asked.length - before).toBe(waits.length * 8);
  });

  test('and is quiet for a while may be read some times in a row again', async () => {
    const { stream, clock, saved } = await reading();
    const change = async (): Promise<number> => {
      stream.say(CHANGED);
      const waitMs = clock.next();
      await saved();
      return waitMs;
    };
    for (let count = 1; count < LIMITS.discoveryChangeReadingsMax; count += 1) await change();
    clock.pass(2 * LIMITS.discoveryChangePauseMs);
    expect([await change(), await change()]).toEqual([LIMITS.discoveryChangeWaitMs, LIMITS.discoveryChangeWaitMs]);
    expect(await change()).toBeGreaterThan(LIMITS.discoveryChangeWaitMs);
  });

  test('while it is being read is read once more', async () => {
    let say = (): void => {};
    let lists = 0;
    const world = setup(
      {
        ...announcing,
        'tools/list': () => {
          if (lists++ === 0) say();
          return { tools: [] };
        },
      },
      {
        onOpen: (stream) => {
          stream.begin();
          say = () => stream.say(CHANGED);
        },
      },
    );
    world.discovery.sync([target('a')]);
    await world.saved();
    expect(world.clock.next()).toBe(LIMITS.discoveryChangeWaitMs);
    await world.saved();
    expect(world.clock.next()).toBe(LIMITS.discoveryIntervalMs);
    await world.saved();
  });

  test.each<[string, JsonObject]>([
    ['an answer to nobody', { id: 1, result: {} }],
    ['a word about its log', { method: 'notifications/message', params: {} }],
    ['another method', { method: 'notifications/tools/list_changed2' }],
    ['no method', { method: 7 }],
  ])('is not read again for %s', async (_, message) => {
    const { stream, clock } = await reading();
    stream.say({ jsonrpc: '2.0', ...message });
    expect(clock.next()).toBe(LIMITS.discoveryIntervalMs);
  });

  test('is answered when it asks whether we are there, and told that nothing else can be asked', async () => {
    const { stream, egress } = await reading();
    const bodies = (): unknown[] => egress.asked.slice(before).map(({ request }) => JSON.parse(request.body ?? ''));
    const before = egress.asked.length;
    stream.say({ jsonrpc: '2.0', id: 0, method: 'ping' });
    await settled();
    stream.say({ jsonrpc: '2.0', id: 'x', method: 'roots/list' });
    await settled();
    expect(bodies()).toEqual([
      { jsonrpc: '2.0', id: 0, result: {} },
      { jsonrpc: '2.0', id: 'x', error: { code: -32601, message: 'Method not found' } },
    ]);
    // Faster than it listens: one answer at a time.
    for (let id = 1; id <= 100; id += 1) stream.say({ jsonrpc: '2.0', id, method: 'ping' });
    await settled();
    expect(bodies()).toHaveLength(3);
  });
});

describe('a stream', () => {
  test('that there is none is normal: the session is ended, and the schedule goes on', async () => {
    const { clock, egress, streams } = await reading(announcing, { onOpen: refuse });
    expect(egress.sessions()).toBe(0);
    expect(clock.timers).toHaveLength(1);
    expect(clock.next()).toBe(LIMITS.discoveryIntervalMs);
    expect(streams.opened).toHaveLength(1);
  });

  test('that ends at once is opened anew, with a reading, each time later', async () => {
    const pauses: number[] = [];
    const { clock, saved, streams, stream, egress } = await reading();
    stream.end('ended');
    for (let count = 0; count < 12; count += 1) {
      await settled();
      pauses.push(clock.next());
      await saved();
      expect(streams.opened).toHaveLength(count + 2);
      streams.opened.at(-1)?.end('ended');
    }
    await settled();
    expect(egress.sessions()).toBe(0);
    const doubled = Array.from({ length: 9 }, (_, index) => LIMITS.discoveryStreamPauseMs * 2 ** index);
    expect(pauses).toEqual([...doubled, ...Array(3).fill(LIMITS.discoveryIntervalMs)]);
  });

  test('that lasted a while is opened anew soon', async () => {
    const { clock, saved, streams, stream } = await reading();
    stream.end('ended');
    await settled();
    clock.next();
    await saved();
    clock.pass(LIMITS.discoveryRetryMaxMs + 1);
    streams.opened.at(-1)?.end('too_large');
    await settled();
    expect(clock.next()).toBe(LIMITS.discoveryStreamPauseMs);
    await saved();
  });

  test('that takes its time to begin does not hold up the reading', async () => {
    const world = setup(announcing, { onOpen: () => {} });
    world.discovery.sync([target('a')]);
    await settled();
    expect(world.clock.next()).toBe(LIMITS.discoveryStreamWaitMs);
    expect((await world.saved()).outcome.ok).toBe(true);
    expect(world.egress.sessions()).toBe(1);
    // In the end it was none.
    world.streams.opened[0]?.end('refused', 405);
    await settled();
    expect(world.egress.sessions()).toBe(0);
    expect(world.clock.timers).toHaveLength(1);
  });

  test('is closed when the server is gone', async () => {
    const { stream, egress, discovery, clock } = await reading();
    discovery.sync([]);
    await settled();
    expect([stream.closed(), egress.sessions(), clock.timers.length]).toEqual([true, 0, 0]);
  });

  test('is closed when the names of its server lead elsewhere', async () => {
    let address = '93.184.216.34';
    const world = setup(announcing, { lookup: async () => [address] });
    world.discovery.sync([target('a', { hosts: ['mcp.example'] })]);
    await world.saved();
    address = '10.0.0.1';
    world.clock.next();
    await world.saved();
    expect(world.streams.opened[0]?.closed()).toBe(true);
  });

  test('is there for so many servers, and the room of one that ended is another’s', async () => {
    const targets = Array.from({ length: LIMITS.discoveryStreamsMax + 5 }, (_, index) => target(`s${index}`));
    const { discovery, saved, streams, egress, clock } = setup(announcing, { known: null });
    discovery.sync(targets);
    // Each is saved twice: as it was read, and with what was found out beside.
    for (const _ of [...targets, ...targets]) await saved();
    expect(streams.opened).toHaveLength(LIMITS.discoveryStreamsMax);
    expect(egress.sessions()).toBe(LIMITS.discoveryStreamsMax);
    streams.opened[0]?.end('refused', 405);
    await settled();
    expect(egress.sessions()).toBe(LIMITS.discoveryStreamsMax - 1);
    clock.pass(LIMITS.discoveryIntervalMs);
    clock.next();
    await saved();
    expect(streams.opened).toHaveLength(LIMITS.discoveryStreamsMax + 1);
  });
});

describe('a server of both eras, which has a stream in the modern one only,', () => {
  const both: Script = {
    ...announcing,
    modern: ({ method }) =>
      method === 'server/discover' ? { supportedVersions: ['2026-07-28'] } : status(400, 'disagrees'),
  };
  const onOpen = (stream: ScriptedStream): void =>
    stream.request.body === undefined ? refuse(stream) : stream.begin();

  test('is listened to there, once it is known that it speaks it', async () => {
    const { discovery, clock, saved, streams, egress } = setup(both, { known: null, onOpen });
    discovery.sync([target('a')]);
    await saved();
    expect((await saved()).outcome).toMatchObject({ discovered: { protocolVersions: ['2025-11-25', '2026-07-28'] } });
    expect(streams.opened).toHaveLength(1);
    expect(clock.next()).toBe(LIMITS.discoveryChangeWaitMs);
    await saved();
    const { request } = streams.opened.at(-1)!;
    expect(request).toMatchObject({ protocolVersion: '2026-07-28', headers: { 'mcp-method': 'subscriptions/listen' } });
    expect(JSON.parse(request.body ?? '')).toMatchObject({
      method: 'subscriptions/listen',
      params: {
        notifications: { toolsListChanged: true },
        _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
      },
    });
    // That stream needs no session.
    expect(egress.sessions()).toBe(0);
    clock.pass(LIMITS.discoveryChangePauseMs);
    streams.opened.at(-1)?.say(CHANGED);
    expect(clock.next()).toBe(LIMITS.discoveryChangeWaitMs);
    await saved();
  });

  test('is listened to at once when that was known before', async () => {
    const known = { ...KNOWN, protocolVersions: ['2025-11-25', '2026-07-28'] };
    const { streams } = await reading(both, { known, onOpen });
    expect(streams.opened.map(({ request }) => request.body !== undefined)).toEqual([false, true]);
  });
});
