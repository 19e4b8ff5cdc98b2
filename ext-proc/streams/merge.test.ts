import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import type { SessionState } from '../../core/session/types.ts';
import {
  ALLOW_ALL,
  callerOf,
  catalogOf,
  serverOf,
  stateOf,
  surfaceOf,
  unreachable,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { openEventId } from './event-ids.ts';
import { openStream } from './listen.ts';

let world: World;
beforeEach(() => {
  vi.useFakeTimers();
  world = worldOf();
});
afterEach(() => {
  world.close();
  vi.useRealTimers();
});

interface Client {
  readonly written: string[];
  /** Ids and data of the events, without comments. */
  readonly events: { readonly id: string | undefined; readonly data: string }[];
  readonly ended: boolean;
  leave(): void;
}

function take(outcome: Outcome): Client {
  if (outcome.kind !== 'stream') throw new Error(`no stream: ${JSON.stringify(outcome)}`);
  const written: string[] = [];
  const client = {
    written,
    ended: false,
    get events() {
      return written
        .filter((text) => !text.startsWith(':'))
        .map((text) => ({ id: /^id: (.*)$/m.exec(text)?.[1], data: /^data: (.*)$/m.exec(text)?.[1] ?? '' }));
    },
    leave: () => {},
  };
  client.leave = outcome.open({
    write: (text) => void written.push(text),
    end: () => {
      client.ended = true;
    },
    pendingBytes: () => 0,
  });
  return client;
}
async function opened(over: Parameters<typeof callerOf>[1] = {}, state: Partial<SessionState> = {}): Promise<Client> {
  return take(openStream(callerOf(world, { want: 'stream', ...over }), stateOf(state)));
}
async function refusal(over: Parameters<typeof callerOf>[1], state: Partial<SessionState> = {}): Promise<unknown> {
  const outcome = openStream(callerOf(world, { want: 'stream', ...over }), stateOf(state));
  return outcome.kind === 'immediate' ? [outcome.answer.status, outcome.answer.details] : outcome.kind;
}
const note = (data: string): string =>
  `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${data}"}}`;
const MEMORY = 'mcp.memory.1';
const FILES = 'mcp.files.1';

describe('a session with two backends', () => {
  test('has one stream of each, with its own session, and they end with the client’s', async () => {
    const client = await opened();
    expect(world.calls.made.map(({ request }) => [request.cluster, request.method, request.sessionId])).toEqual([
      [MEMORY, 'GET', 'memory-session'],
      [FILES, 'GET', 'files-session'],
    ]);
    client.leave();
    expect(world.calls.made.map(({ state }) => state)).toEqual(['closed', 'closed']);
  });

  test('hears what either says, under ids that say where both were', async () => {
    const client = await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(FILES).head();
    world.calls.to(MEMORY).event(note('a'), 'm1');
    world.calls.to(FILES).event(note('b'), 'f1');
    expect(client.events.slice(1).map(({ data }) => data)).toEqual([note('a'), note('b')]);
    const position = openEventId(world.gateway, stateOf(), client.events.at(-1)!.id!);
    expect(position).toMatchObject({
      kind: 'stream',
      places: [
        { server: 'memory', version: '1', id: 'm1' },
        { server: 'files', version: '1', id: 'f1' },
      ],
    });
  });

  test('goes on where each was', async () => {
    const first = await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event(note('a'), 'm1');
    const lastEventId = first.events.at(-1)!.id!;
    first.leave();
    await opened({ lastEventId });
    expect(world.calls.to(MEMORY).request.lastEventId).toBe('m1');
    expect(world.calls.to(FILES).request.lastEventId).toBeUndefined();
  });

  test('is told of what changed in between, once', async () => {
    const first = await opened();
    const lastEventId = first.events.at(-1)!.id!;
    first.leave();
    world.catalog = catalogOf({ servers: [serverOf('memory', ['read_graph', 'new']), serverOf('files', ['read'])] });
    const second = await opened({ lastEventId });
    expect(second.events.map(({ data }) => data).filter((data) => data !== '')).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    ]);
    const third = await opened({ lastEventId: second.events.at(-1)!.id! });
    expect(third.events.map(({ data }) => data).filter((data) => data !== '')).toEqual([]);
  });

  test.each([
    ['a response', '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['an error', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}'],
    ['a changed list', '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'],
    ['what is no message', '{"jsonrpc":"2.0"}'],
    ['what is no JSON', 'nothing'],
  ])('is not sent %s of a backend, but its place', async (_, data) => {
    const client = await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event(data, 'm1');
    expect(client.events.map((event) => event.data)).toEqual(['', '']);
    expect(openEventId(world.gateway, stateOf(), client.events[1]!.id!)).toMatchObject({ places: [{ id: 'm1' }] });
  });

  test('is asked by a backend under an id of ours', async () => {
    const client = await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event('{"jsonrpc":"2.0","id":0,"method":"roots/list"}');
    expect(client.events.at(-1)?.data).toMatch(/^\{"jsonrpc":"2.0","id":"chr1\.[^"]+","method":"roots\/list"\}$/);
  });

  test('is told of resources that it may read, and of no others', async () => {
    const deny = {
      ...ALLOW_ALL,
      name: 'deny',
      rules: [{ id: 'd', effect: 'deny', resources: ['files/file:///secret*'] }],
    };
    world.catalog = catalogOf({ policies: [ALLOW_ALL, deny as typeof ALLOW_ALL] });
    const client = await opened();
    world.calls.to(FILES).head();
    for (const uri of ['file:///a.txt', 'file:///secret'])
      world.calls
        .to(FILES)
        .event(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}`);
    expect(
      client.events.filter(({ data }) => data.includes('updated')).map(({ data }) => JSON.parse(data).params.uri),
    ).toEqual(['file:///a.txt']);
  });

  test('before 2025-11-25 is sent no event without data', async () => {
    const client = await opened({}, { protocolVersion: '2025-06-18' });
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event('', 'm1', 10);
    expect(client.written).toEqual([': open\n\n']);
  });
});

describe('a backend', () => {
  test('without a stream is left alone, and the other goes on', async () => {
    const client = await opened();
    world.calls.to(MEMORY).refuse(405);
    world.calls.to(FILES).head();
    await vi.advanceTimersByTimeAsync(10 * LIMITS.upstreamRetryMaxMs);
    expect(world.calls.made).toHaveLength(2);
    world.calls.to(FILES).event(note('b'));
    expect(client.events.at(-1)?.data).toBe(note('b'));
  });

  test.each([
    ['that cannot be reached', (w: World) => w.calls.to(MEMORY).end('unreachable')],
    ['that fails', (w: World) => w.calls.to(MEMORY).refuse(503)],
    [
      'whose stream ends',
      (w: World) => {
        w.calls.to(MEMORY).head();
        w.calls.to(MEMORY).event(note('a'), 'm1');
        w.calls.to(MEMORY).end();
      },
    ],
  ])('%s is asked again, after longer and longer pauses', async (_, fail) => {
    await opened();
    fail(world);
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamRetryMinMs - 1);
    expect(world.calls.made).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.calls.made).toHaveLength(3);
    world.calls.to(MEMORY).end('unreachable');
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamRetryMinMs);
    expect(world.calls.made).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamRetryMinMs);
    expect(world.calls.made).toHaveLength(4);
  });

  test('that ended its stream is asked for what came after its last event, not before the time that it asked for', async () => {
    await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event('', 'm1', 5_000);
    world.calls.to(MEMORY).end();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(world.calls.made).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.calls.to(MEMORY).request.lastEventId).toBe('m1');
  });

  test('that does not know the session gets a new one, unless it answers to it', async () => {
    await opened();
    world.backend = (
      (answer) => (request) =>
        request.body?.includes('"ping"') ? unreachable : answer(request)
    )(world.backend);
    world.calls.to(MEMORY).refuse(404);
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamRetryMinMs);
    expect(world.calls.to(MEMORY).request.sessionId).toBe(`${MEMORY}#1`);
    // This one lives: there is nothing behind a GET.
    world.backend = () => ({
      ok: true,
      status: 200,
      sessionId: '',
      message: { jsonrpc: '2.0', id: 'ping', result: {} },
    });
    world.calls.to(FILES).refuse(404);
    await vi.advanceTimersByTimeAsync(10 * LIMITS.upstreamRetryMaxMs);
    expect(world.calls.to(FILES).request.sessionId).toBe('files-session');
    expect(world.calls.made).toHaveLength(3);
  });

  test('that does not know the event any more is asked without it, in the same session', async () => {
    const first = await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event(note('a'), 'm1');
    const lastEventId = first.events.at(-1)!.id!;
    await opened({ lastEventId });
    world.calls.to(MEMORY).refuse(400);
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamRetryMinMs);
    expect(world.calls.to(MEMORY).request).toMatchObject({ sessionId: 'memory-session' });
    expect(world.calls.to(MEMORY).request.lastEventId).toBeUndefined();
  });

  test('that joins or leaves the surface, or of which the caller sees nothing any more, comes and goes', async () => {
    await opened();
    world.catalog = catalogOf({
      policies: [
        { ...ALLOW_ALL, rules: [{ id: 'm', effect: 'allow', tools: ['memory/read_graph'] }] } as typeof ALLOW_ALL,
      ],
    });
    world.gateway.streams.changed();
    await vi.advanceTimersByTimeAsync(1);
    expect([world.calls.to(MEMORY).state, world.calls.to(FILES).state]).toEqual(['open', 'closed']);
    world.catalog = catalogOf();
    world.gateway.streams.changed();
    await vi.advanceTimersByTimeAsync(1);
    expect(world.calls.to(FILES).state).toBe('open');
    expect(world.calls.made).toHaveLength(3);
  });
});

describe('a call that comes behind the stream of its session', () => {
  const TOKEN_ID = stateOf().tokenId;
  const waits = async (cluster = MEMORY, tokenId = TOKEN_ID): Promise<boolean> => {
    const opening = world.gateway.streams.opening(tokenId, cluster);
    if (opening === null) return false;
    let over = false;
    void opening.then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    return !over;
  };

  test.each([
    ['answers', () => world.calls.to(MEMORY).head()],
    ['refuses', () => world.calls.to(MEMORY).refuse(405)],
    ['cannot be reached', () => world.calls.to(MEMORY).end('unreachable')],
  ])('waits until the backend %s, and for that one alone', async (_, answer) => {
    await opened();
    world.calls.to(FILES).head();
    expect(await waits()).toBe(true);
    expect(await waits(FILES)).toBe(false);
    answer();
    expect(await waits()).toBe(false);
  });

  test('does not wait for long, and the next one not at all', async () => {
    await opened();
    const opening = world.gateway.streams.opening(TOKEN_ID, MEMORY);
    expect(opening).not.toBeNull();
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamOpeningMs);
    await opening;
    expect(world.gateway.streams.opening(TOKEN_ID, MEMORY)).toBeNull();
  });

  test('does not wait when the client leaves its stream, for one that broke later, or where there is none', async () => {
    expect(await waits()).toBe(false);
    const client = await opened();
    const opening = world.gateway.streams.opening(TOKEN_ID, MEMORY);
    client.leave();
    await opening;
    await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).end('reset');
    await vi.advanceTimersByTimeAsync(LIMITS.upstreamRetryMinMs);
    expect(world.calls.to(MEMORY).state).toBe('open');
    expect(await waits()).toBe(false);
    expect(await waits(MEMORY, 'another session')).toBe(false);
  });
});

describe('a Last-Event-ID is refused', () => {
  const idOf = async (state: Partial<SessionState> = {}): Promise<string> => {
    const client = await opened({}, state);
    const id = client.events[0]!.id!;
    client.leave();
    return id;
  };
  const REFUSED = [400, 'chancery_invalid_request'];
  test('of another session of the same caller', async () => {
    const lastEventId = await idOf();
    const tokenId = Buffer.alloc(16, 9).toString('base64url');
    expect(await refusal({ lastEventId }, { tokenId })).toEqual(REFUSED);
  });
  test('of another principal', async () => {
    const lastEventId = await idOf();
    expect(await refusal({ lastEventId, subject: 'bob' }, { subject: 'bob' })).toEqual(REFUSED);
  });
  test('that is forged, or a backend’s own', async () => {
    const lastEventId = await idOf();
    expect(await refusal({ lastEventId: `${lastEventId.slice(0, -9)}AAAA${lastEventId.slice(-5)}` })).toEqual(REFUSED);
    expect(await refusal({ lastEventId: 'm1' })).toEqual(REFUSED);
  });
});

describe('a surface with one backend', () => {
  beforeEach(() => {
    world.catalog = catalogOf({ surfaces: [surfaceOf('default', ['memory'])] });
  });
  test('passes its events on as they are, and primes nobody itself', async () => {
    const client = await opened();
    world.calls.to(MEMORY).head();
    world.calls.to(MEMORY).event('', 'm0', 50);
    world.calls.to(MEMORY).event('{"jsonrpc":"2.0","id":0,"method":"roots/list"}', 'm1');
    world.calls.to(MEMORY).event(note('a'));
    expect(client.written.slice(1)).toEqual([
      'id: m0\nretry: 50\ndata: \n\n',
      'id: m1\ndata: {"jsonrpc":"2.0","id":0,"method":"roots/list"}\n\n',
      `data: ${note('a')}\n\n`,
    ]);
  });

  let leave = (): void => {};
  const resuming = async (answer: () => void, lastEventId = 'm1'): Promise<Outcome> => {
    const pending = openStream(callerOf(world, { want: 'stream', lastEventId }), stateOf());
    if (pending.kind !== 'pending') throw new Error(pending.kind);
    const outcome = new Promise<Outcome>((resolve) => {
      leave = pending.start(resolve);
    });
    await vi.advanceTimersByTimeAsync(0);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    return outcome;
  };

  test('gives the rest of any of its streams, responses too, and ends when it does', async () => {
    const own = await opened();
    const client = take(await resuming(() => world.calls.to(MEMORY).head()));
    expect(world.calls.to(MEMORY).request.lastEventId).toBe('m1');
    world.calls.to(MEMORY).event('{"jsonrpc":"2.0","id":7,"result":{}}', 'm2');
    expect(client.written.slice(1)).toEqual(['id: m2\ndata: {"jsonrpc":"2.0","id":7,"result":{}}\n\n']);
    world.calls.to(MEMORY).end();
    expect([client.ended, own.ended]).toEqual([true, false]);
    expect(world.gateway.streams.size).toBe(1);
  });

  test('that takes the stream for one that is open is asked again when ours is closed', async () => {
    const own = await opened();
    const outcome = resuming(() => world.calls.to(MEMORY).refuse(409));
    await vi.advanceTimersByTimeAsync(LIMITS.resumePauseMs);
    expect(own.ended).toBe(true);
    world.calls.to(MEMORY).head();
    expect((await outcome).kind).toBe('stream');
  });

  test('that does not know the event says so; one whose session is gone begins anew', async () => {
    const outcome = await resuming(() => world.calls.to(MEMORY).refuse(400));
    expect(outcome).toMatchObject({ kind: 'immediate', answer: { status: 400 } });
    world.backend = () => unreachable;
    expect((await resuming(() => world.calls.to(MEMORY).refuse(404))).kind).toBe('stream');
  });

  test('that cannot be reached is a refusal that a client repeats', async () => {
    expect(await resuming(() => world.calls.to(MEMORY).end('unreachable'))).toMatchObject({
      kind: 'immediate',
      answer: { status: 503 },
    });
  });

  test('is not asked any more by a client that left', async () => {
    const outcome = resuming(() => leave());
    await vi.advanceTimersByTimeAsync(0);
    expect(world.calls.to(MEMORY).state).toBe('closed');
    void outcome;
  });

  test('that becomes one with two ends the stream', async () => {
    const client = await opened();
    world.catalog = catalogOf();
    world.gateway.streams.changed();
    await vi.advanceTimersByTimeAsync(1);
    expect(client.ended).toBe(true);
    expect(world.calls.to(MEMORY).state).toBe('closed');
  });
});
