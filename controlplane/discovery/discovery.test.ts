import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { pauseMs, streamPauseMs } from './pause.ts';
import { createSlots } from './slots.ts';
import { initializeResult, type Script, status } from './testdata/scripted-server.ts';
import { closeAll, setup, target } from './testdata/world.ts';

afterEach(closeAll);

const good: Script = { initialize: () => initializeResult({}) };

describe('a server', () => {
  test('is read at once, then from time to time, and only a change is told', async () => {
    const { discovery, clock, changes, saved } = setup(good);
    discovery.sync([target('a')]);
    expect((await saved()).outcome.ok).toBe(true);
    expect(changes).toEqual([7]);
    expect(clock.next()).toBe(LIMITS.discoveryIntervalMs);
    await saved();
    expect(changes).toEqual([7]);
  });

  test('that cannot be read is tried again, each time later, and at once at its full pace when it can', async () => {
    let down = true;
    const { discovery, clock, saved } = setup({
      initialize: () => (down ? status(503, 'down') : initializeResult({})),
    });
    discovery.sync([target('a')]);
    const pauses: number[] = [];
    for (let count = 0; count < 20; count++) {
      expect((await saved()).outcome).toEqual({ ok: false, error: 'initialize: HTTP 503: down' });
      pauses.push(clock.next());
    }
    expect(pauses).toEqual([
      ...Array(LIMITS.discoveryQuietFailuresMax).fill(250),
      500,
      1000,
      2000,
      4000,
      8000,
      16_000,
      30_000,
      30_000,
    ]);
    await saved();
    down = false;
    clock.next();
    expect((await saved()).outcome.ok).toBe(true);
    expect(clock.next()).toBe(LIMITS.discoveryIntervalMs);
    await saved();
  });

  test('is read at once again when its document changes, and not when it does not', async () => {
    const { discovery, clock, egress, saved } = setup(good);
    discovery.sync([target('a')]);
    await saved();
    const asked = egress.asked.length;
    discovery.sync([target('a')]);
    expect(egress.asked).toHaveLength(asked);
    discovery.sync([target('a', { documentHash: 'other', path: '/other' })]);
    await saved();
    expect(egress.asked.at(-1)?.request.path).toBe('/other');
    expect(clock.timers).toHaveLength(1);
  });

  test('that is gone is read no more, and what was being read of it is dropped', async () => {
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const { discovery, clock, saved } = setup({
      DELETE: ({ request }) => {
        if (request.cluster === 'mcp.a.1') ended.resolve();
        return {};
      },
      initialize: async ({ request }) => {
        if (request.cluster === 'mcp.a.1') {
          begun.resolve();
          await held.promise;
        }
        return initializeResult({});
      },
    });
    discovery.sync([target('a')]);
    await begun.promise;
    discovery.sync([target('b')]);
    held.resolve();
    expect((await saved()).server).toBe('b');
    // The session that it began is ended all the same.
    await ended.promise;
    await discovery.close();
    expect(clock.timers).toEqual([]);
  });

  test('is tried again when what was read could not be saved', async () => {
    const { discovery, clock, saved } = setup(good, {
      save: () => {
        throw new Error('the disk is full');
      },
    });
    discovery.sync([target('a')]);
    await saved();
    expect(clock.next()).toBe(LIMITS.discoveryRetryMinMs);
    await saved();
  });
});

describe('a warning', () => {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  test('is not given for a server that comes up beside us, is given once for one that does not, and at once for one that was read', async () => {
    let answer: 'down' | 'good' | 'broken' = 'down';
    const { discovery, clock, saved } = setup(
      {
        initialize: () => (answer === 'good' ? initializeResult({}) : status(503, answer)),
      },
      { log },
    );
    discovery.sync([target('a')]);
    for (let count = 0; count < LIMITS.discoveryQuietFailuresMax; count += 1) {
      await saved();
      clock.next();
    }
    expect(lines).toEqual([]);
    await saved();
    clock.next();
    await saved();
    expect(lines).toEqual(['a server cannot be read']);
    answer = 'good';
    clock.next();
    await saved();
    answer = 'broken';
    clock.next();
    await saved();
    expect(lines).toEqual(['a server cannot be read', 'a server cannot be read; what was read before stays']);
  });
});

test('servers that never answer do not keep a new one from being read', async () => {
  const stuck = Promise.withResolvers<ReturnType<typeof status>>();
  let first = true;
  const { discovery, clock, saved } = setup({
    initialize: ({ request }) => {
      if (request.cluster === 'mcp.new.1') return initializeResult({});
      return first ? status(500, 'no') : stuck.promise;
    },
  });
  const hung = Array.from({ length: LIMITS.discoveryWidthMax }, (_, index) => target(`hung${index}`));
  discovery.sync(hung);
  for (const _ of hung) await saved();
  first = false;
  for (const _ of hung) clock.next();
  discovery.sync([...hung, target('new')]);
  expect((await saved()).server).toBe('new');
  stuck.resolve(status(500, 'no'));
});

test('only so many servers are read at the same time', async () => {
  const held = Promise.withResolvers<void>();
  const enough = Promise.withResolvers<void>();
  let now = 0;
  let most = 0;
  const { discovery, saved } = setup({
    initialize: async () => {
      now += 1;
      most = Math.max(most, now);
      if (now === LIMITS.discoveryWidthMax) enough.resolve();
      await held.promise;
      now -= 1;
      return initializeResult({});
    },
  });
  const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
  discovery.sync(names.map((name) => target(name)));
  await enough.promise;
  held.resolve();
  const servers: string[] = [];
  for (const _ of names) servers.push((await saved()).server);
  expect(servers.sort()).toEqual(names);
  expect(most).toBe(LIMITS.discoveryWidthMax);
});

test('a slot is free again after a failure', async () => {
  const slots = createSlots(1);
  await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(() => Promise.resolve('yes'))).toBe('yes');
});

test.each([
  [0, 0, LIMITS.discoveryIntervalMs / 2],
  [0, 1, LIMITS.discoveryIntervalMs],
  [1, 0, 125],
  [1000, 1, LIMITS.discoveryRetryMaxMs],
])('after %i failures the pause is spread: %d gives %d', (failures, random, ms) => {
  expect(pauseMs(failures, () => random)).toBe(ms);
});

test.each([
  [1, 0, LIMITS.discoveryStreamPauseMs / 2],
  [1, 1, LIMITS.discoveryStreamPauseMs],
  [3, 1, 4 * LIMITS.discoveryStreamPauseMs],
  [1000, 1, LIMITS.discoveryIntervalMs],
])('after %i streams that did not last the pause is spread: %d gives %d', (ends, random, ms) => {
  expect(streamPauseMs(ends, () => random)).toBe(ms);
});

describe('at a start', () => {
  const many = Array.from({ length: LIMITS.discoveryBurstMax + 40 }, (_, index) => target(`s${index}`));

  test('most of many servers that were read before wait for a turn of their own, and are not missing', async () => {
    let turn = 0;
    const { discovery, clock } = setup(good, { random: () => ((turn++ % 97) + 1) / 98 });
    discovery.sync(many);
    expect(discovery.unread()).toHaveLength(LIMITS.discoveryBurstMax);
    expect(clock.timers).toHaveLength(40);
    expect(clock.timers.every(({ atMs }) => atMs <= LIMITS.discoveryIntervalMs)).toBe(true);
    expect(new Set(clock.timers.map(({ atMs }) => atMs)).size).toBeGreaterThan(30);
  });

  test('servers that nobody has read are all read', async () => {
    const { discovery, clock } = setup(good, { known: null });
    discovery.sync(many);
    expect(discovery.unread()).toHaveLength(many.length);
    expect(clock.timers).toHaveLength(0);
  });
});

test('what is not read is told with its version, until it is', async () => {
  const { discovery, saved } = setup(good);
  discovery.sync([target('a'), target('a', { version: '2', cluster: 'mcp.a.2' })]);
  expect(discovery.unread()).toEqual([
    { server: 'a', version: '1' },
    { server: 'a', version: '2' },
  ]);
  await saved();
  await saved();
  expect(discovery.unread()).toEqual([]);
});

test('ten thousand targets that did not change are one look each, whether they are the same objects or only equal', async () => {
  const { discovery, clock, egress } = setup(good, { known: null });
  const targets = Array.from({ length: 10_000 }, (_, index) => target(`s${index}`, { hosts: [`h${index}.example`] }));
  discovery.sync(targets);
  await new Promise((resolve) => setImmediate(resolve));
  const before = [egress.asked.length, clock.timers.length];
  let looks = 0;
  const counted = targets.map((each) => ({
    ...each,
    get documentHash() {
      looks += 1;
      return each.documentHash;
    },
  }));
  discovery.sync(targets);
  expect(looks).toBe(0);
  discovery.sync(counted);
  expect(looks).toBe(targets.length);
  looks = 0;
  discovery.sync(counted);
  expect(looks).toBe(0);
  expect([egress.asked.length, clock.timers.length]).toEqual(before);
});
