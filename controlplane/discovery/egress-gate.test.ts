import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import type { EgressAnswer } from '../../core/mcp/egress.ts';
import { isAway } from './egress-gate.ts';
import { initializeResult, status } from './testdata/scripted-server.ts';
import { closeAll, setup, target } from './testdata/world.ts';

afterEach(closeAll);

const MANY = Array.from({ length: 1_000 }, (_, index) => target(`s${index}`));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('while nobody listens on the socket of the egress', () => {
  test('no server is read, saved or counted as failed, and one probe asks again, each time later', async () => {
    const { discovery, clock, egress, saved } = setup({ initialize: () => initializeResult({}) }, { known: null });
    egress.listens = false;
    discovery.sync(MANY);
    await turn();
    // Those that were on their way when the first one found out.
    expect(egress.turnedAway()).toBeLessThanOrEqual(LIMITS.discoveryWidthMax);
    const before = egress.turnedAway();
    const pauses: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      expect(clock.timers).toHaveLength(1);
      pauses.push(clock.next());
      await turn();
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    expect(egress.turnedAway() - before).toBe(pauses.length);
    egress.listens = true;
    clock.next();
    const outcomes = new Map<string, boolean>();
    // Read, and asked for its versions.
    while (outcomes.size < MANY.length) {
      const { server, outcome } = await saved();
      outcomes.set(server, outcome.ok && (outcomes.get(server) ?? true));
    }
    expect([...outcomes.values()].every(Boolean)).toBe(true);
    expect(discovery.unread()).toEqual([]);
  });

  test('what was being read is read anew when somebody does, and its failures before are what they were', async () => {
    let answers = 0;
    const { discovery, clock, egress, saved } = setup({
      initialize: () => {
        answers += 1;
        if (answers === 1) return status(503, 'down');
        if (answers === 2) egress.listens = false;
        return initializeResult({});
      },
    });
    discovery.sync([target('a')]);
    expect((await saved()).outcome.ok).toBe(false);
    clock.next();
    await turn();
    expect(clock.next()).toBe(50);
    await turn();
    egress.listens = true;
    expect(clock.next()).toBe(100);
    expect((await saved()).outcome.ok).toBe(true);
    expect(clock.next()).toBe(LIMITS.discoveryIntervalMs);
  });

  test('what is asked beside the lists waits too, and nothing that was known is lost', async () => {
    let asked = 0;
    const world = setup({ initialize: () => initializeResult({}), modern: () => status(400, 'no') }, { known: null });
    const { discovery, clock, egress, saved } = world;
    egress.onSend = ({ request }) => {
      // The third session is the first one of the probe.
      if (request.body?.includes('"initialize"') && ++asked === 3) egress.listens = false;
    };
    discovery.sync([target('a')]);
    await saved();
    await turn();
    egress.listens = true;
    expect(clock.next()).toBe(50);
    const { outcome } = await saved();
    expect(outcome.ok && outcome.discovered.protocolVersions).toEqual(['2025-11-25']);
  });

  test('a server that is new then is read when somebody does; one that is gone is not', async () => {
    const { discovery, clock, egress, saved } = setup({ initialize: () => initializeResult({}) });
    egress.listens = false;
    discovery.sync([target('gone')]);
    await turn();
    discovery.sync([target('new')]);
    await turn();
    egress.listens = true;
    clock.next();
    expect((await saved()).server).toBe('new');
    await turn();
    expect(egress.asked.every(({ request }) => request.cluster === 'mcp.new.1')).toBe(true);
  });

  test('discovery can be closed', async () => {
    const { discovery, clock, egress } = setup({ initialize: () => initializeResult({}) });
    egress.listens = false;
    discovery.sync(MANY);
    await turn();
    await discovery.close();
    expect(clock.timers).toEqual([]);
  });

  test('an operator is told once, after a while, and when it is over', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
    const { discovery, clock, egress, saved } = setup({ initialize: () => initializeResult({}) }, { log });
    egress.listens = false;
    discovery.sync([target('a')]);
    await turn();
    for (let waitedMs = 0; waitedMs < 4 * LIMITS.discoveryEgressQuietMs; ) {
      expect(lines).toHaveLength(waitedMs < LIMITS.discoveryEgressQuietMs ? 0 : 1);
      waitedMs += clock.next();
      await turn();
    }
    egress.listens = true;
    clock.next();
    await saved();
    expect(lines).toEqual([
      'Envoy does not listen for our own calls: no server is read until it does; see envoy.log',
      'Envoy listens again: servers are read',
    ]);
  });
});

const failure = (detail: string, rest: object = {}): EgressAnswer => ({
  ok: false,
  status: 0,
  why: 'unreachable',
  detail,
  ...rest,
});
test.each<[string, EgressAnswer, boolean]>([
  ['no socket', failure('connect ENOENT /run/egress.sock'), true],
  ['a socket that nobody has', failure('connect ECONNREFUSED /run/egress.sock'), true],
  ['a queue that is full', failure('connect EAGAIN /run/egress.sock'), true],
  ['a connection that broke may be the doing of the server: not', failure('socket hang up'), false],
  ['a request that cannot be: not', failure('Request path contains unescaped characters'), false],
  [
    "a server's own words: not",
    failure('HTTP 503: connect ECONNREFUSED 127.0.0.1', { status: 503, why: 'status' }),
    false,
  ],
  ['no answer in time: not', failure('no answer within 10 ms', { why: 'deadline' }), false],
  ['an answer: not', { ok: true, status: 202, sessionId: '', message: null }, false],
])('whether Envoy is away: %s', (_name, answer, away) => {
  expect(isAway(answer)).toBe(away);
});
