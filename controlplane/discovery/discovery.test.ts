import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import type { DiscoveryOutcome, SavedDiscovery } from '../registry/discoveries.ts';
import type { Clock } from './clock.ts';
import { createDiscovery, type Discovery, pauseMs } from './discovery.ts';
import { createSlots } from './slots.ts';
import type { DiscoveryTarget } from './targets.ts';
import {
  initializeResult,
  type Script,
  type ScriptedServer,
  scriptedServer,
  status,
} from './testdata/scripted-server.ts';

const target = (server: string, rest: Partial<DiscoveryTarget> = {}): DiscoveryTarget => ({
  server,
  version: '1',
  cluster: `mcp.${server}.1`,
  path: '/mcp',
  documentHash: 'h',
  ...rest,
});

/** A clock that goes on when the test says so. */
class HeldClock implements Clock {
  readonly timers: { atMs: number; work: () => void }[] = [];
  #nowMs = 0;
  nowMs = (): number => this.#nowMs;
  after = (ms: number, work: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + ms, work };
    this.timers.push(timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index >= 0) this.timers.splice(index, 1);
    };
  };
  /** To the next timer, which runs; returns the pause until it. */
  next(): number {
    this.timers.sort((a, b) => a.atMs - b.atMs);
    const timer = this.timers.shift();
    if (timer === undefined) throw new Error('nothing is planned');
    const pause = timer.atMs - this.#nowMs;
    this.#nowMs = timer.atMs;
    timer.work();
    return pause;
  }
}

interface Setup {
  readonly discovery: Discovery;
  readonly clock: HeldClock;
  readonly egress: ScriptedServer;
  readonly changes: number[];
  /** Resolves with what is saved next. */
  saved(): Promise<{ server: string; outcome: DiscoveryOutcome }>;
}

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

function setup(
  script: Script,
  save?: (outcome: DiscoveryOutcome) => SavedDiscovery,
  log = pino({ level: 'silent' }),
): Setup {
  const clock = new HeldClock();
  const egress = scriptedServer(script);
  const changes: number[] = [];
  const done: { server: string; outcome: DiscoveryOutcome }[] = [];
  const waiting: ((entry: { server: string; outcome: DiscoveryOutcome }) => void)[] = [];
  let lastHash = '';
  const discovery = createDiscovery({
    egress,
    clock,
    random: () => 1,
    log,
    onChange: (revision) => changes.push(revision),
    registry: {
      async saveDiscovery(server, _version, outcome) {
        const entry = { server, outcome };
        // After the caller has planned what comes next.
        setImmediate(() => {
          const waiter = waiting.shift();
          if (waiter === undefined) done.push(entry);
          else waiter(entry);
        });
        if (save !== undefined) return save(outcome);
        const changed = outcome.ok && outcome.discovered.hash !== lastHash;
        if (outcome.ok) lastHash = outcome.discovered.hash;
        return { changed, revision: 7 };
      },
    },
  });
  open.push(discovery);
  return {
    discovery,
    clock,
    egress,
    changes,
    saved: () => {
      const entry = done.shift();
      return entry === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(entry);
    },
  };
}

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
    const { discovery, clock, saved } = setup(good, () => {
      throw new Error('the disk is full');
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
      undefined,
      log,
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
