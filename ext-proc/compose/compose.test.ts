import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChanceryError } from '../../core/errors.ts';
import type { CallRequest } from '../../core/mcp/egress-call.ts';
import { SseParser } from '../../core/mcp/sse.ts';
import { ALLOWED, exposedOf, TOKEN_ID, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { type ComposedCall, composeCall } from './compose.ts';

interface Opened {
  readonly request: CallRequest;
  closed: boolean;
  paused: boolean;
}

let world: World;
let opened: Opened[];
beforeEach(() => {
  opened = [];
  world = worldOf({
    calls: {
      open(request) {
        const call: Opened = { request, closed: false, paused: false };
        opened.push(call);
        return {
          close() {
            call.closed = true;
          },
          pause() {
            call.paused = true;
          },
          resume() {
            call.paused = false;
          },
        };
      },
      close() {},
    },
  });
});
afterEach(() => world.close());

const RESPONSE = '{"jsonrpc":"2.0","id":"7","result":{"n":9007199254740993}}';
const NOTE = '{"jsonrpc":"2.0","method":"notifications/message"}';

function composing(over: Partial<ComposedCall> = {}) {
  const outcomes: Exclude<Outcome, { kind: 'pending' }>[] = [];
  let written = '';
  let drain: (() => void) | null = null;
  const state = {
    ended: false,
    pending: 0,
    leave: (): void => {},
    /** Nobody waits for it any more. */
    get done() {
      return world.gateway.underway.size === 0;
    },
  };
  const started = composeCall({
    gateway: world.gateway,
    idText: '"7"',
    exposed: exposedOf('memory', 'a'),
    decision: ALLOWED,
    headers: {},
    tokenId: TOKEN_ID,
    backendSession: 'b1',
    protocolVersion: '2025-11-25',
    body: '{}',
    transform: (session) => (message) => [message.bytes.toString().replace('SESSION', session)],
    ...over,
  });
  if (started.kind !== 'pending') throw new Error('it begins at once');
  state.leave = started.start((outcome) => {
    if (outcome.kind === 'pending') throw new Error('it is pending again');
    outcomes.push(outcome);
    if (outcome.kind !== 'stream') return;
    state.leave = outcome.open({
      write: (text) => {
        written += text;
      },
      end: () => {
        state.ended = true;
      },
      pendingBytes: () => state.pending,
      onDrain: (listener) => {
        drain = listener;
      },
    });
  });
  return {
    state,
    outcomes,
    events: () => new SseParser(1_000_000).push(written).map(({ data, id }) => (id === null ? data : `${id} ${data}`)),
    drained: () => drain?.(),
    backend: (at = -1) => opened.at(at)!,
    open: (status = 200, contentType = 'text/event-stream') =>
      opened.at(-1)!.request.onOpen({ status, contentType, sessionId: '' }),
    event: (data: string, id?: string) => opened.at(-1)!.request.onEvent({ data, ...(id !== undefined && { id }) }),
    end: (why: Parameters<CallRequest['onEnd']>[0] = 'ended') => opened.at(-1)!.request.onEnd(why),
  };
}

test('a stream is passed on message by message, and ends with the response', () => {
  const it = composing();
  expect(it.backend().request).toMatchObject({ cluster: 'mcp.memory.1', method: 'POST', sessionId: 'b1', body: '{}' });
  it.open();
  expect(it.outcomes).toMatchObject([{ kind: 'stream' }]);
  it.event(NOTE);
  expect(it.events()).toEqual([NOTE]);
  it.event(RESPONSE);
  expect(it.events()).toEqual([NOTE, RESPONSE]);
  expect(it.state).toMatchObject({ ended: true, done: true });
  // What comes behind it is nobody's; the backend may end by itself.
  it.event(NOTE);
  it.end();
  expect(it.events()).toHaveLength(2);
  expect(it.backend().closed).toBe(false);
  expect(it.state.done).toBe(true);
});

test('a JSON answer stays JSON', () => {
  const it = composing({ answerHeaders: [['sunset', 'soon']] });
  it.open(200, 'application/json');
  it.event(RESPONSE);
  expect(it.outcomes).toEqual([]);
  it.end();
  expect(it.outcomes).toMatchObject([
    {
      kind: 'immediate',
      answer: {
        status: 200,
        body: RESPONSE,
        headers: [
          ['content-type', 'application/json'],
          ['sunset', 'soon'],
        ],
      },
    },
  ]);
  expect(it.state.done).toBe(true);
});

describe('dropped, and logged, is', () => {
  test.each<[string, string]>([
    ['a response to another request', RESPONSE.replace('"7"', '8')],
    ['one with another type of id', RESPONSE.replace('"7"', '7')],
    ['one without an id', RESPONSE.replace('"7"', 'null')],
    ['no JSON', '{'],
    ['a repeated key', RESPONSE.replace('{"n"', '{"n":1,"n"')],
    ['no message', '[]'],
  ])('%s', (_, text) => {
    const it = composing();
    it.open();
    it.event(text);
    expect(it.events()).toEqual([]);
    expect(world.logged.at(-1)).toMatchObject({ msg: 'a message of a backend was dropped', server: 'memory' });
    it.event(RESPONSE);
    expect(it.events()).toEqual([RESPONSE]);
  });
});

describe('ids of events', () => {
  const eventId = (id: string): string | null => (id === 'none' ? null : `ours-${id}`);
  test('are ours, also of a priming event; the last message of an event has it', () => {
    const it = composing({
      eventId,
      transform: () => (message) => (message.kind === 'response' ? [NOTE, RESPONSE] : []),
    });
    it.open();
    it.event('', 'e1');
    it.event(RESPONSE, 'e2');
    expect(it.events()).toEqual(['ours-e1 ', `ours-e1 ${NOTE}`, `ours-e2 ${RESPONSE}`]);
  });
  test('are left out where there is none of ours', () => {
    const it = composing({ eventId });
    it.open();
    it.event('', 'none');
    it.event(NOTE, 'none');
    expect(it.events()).toEqual([NOTE]);
  });
  test('let a client come back for the rest of a stream that ended early', () => {
    const it = composing({ eventId });
    it.open();
    it.event('', 'e1');
    it.end();
    expect(it.events()).toEqual(['ours-e1 ']);
    expect(it.state).toMatchObject({ ended: true, done: true });
  });
});

test.each([
  ['ended', false],
  ['reset', false],
  ['reset', true],
  ['too_large', true],
  ['malformed', true],
] as const)(
  'a stream that is over without its response (%s, numbered: %s) ends with an error of the call',
  (why, numbered) => {
    const it = composing(numbered ? { eventId: (id) => id } : {});
    it.open();
    it.event(NOTE, 'e');
    it.end(why);
    expect(JSON.parse(it.events()[1]!.replace(/^e /, ''))).toMatchObject({ id: '7', error: { code: -32000 } });
    expect(it.state).toMatchObject({ ended: true, done: true });
  },
);

test('a client that leaves closes the backend’s stream, before it began and after', () => {
  const before = composing();
  before.state.leave();
  expect([before.backend().closed, before.state.done]).toEqual([true, true]);
  const after = composing();
  after.open();
  after.state.leave();
  expect([after.backend().closed, after.state.done]).toEqual([true, true]);
});

test.each<[string, number, readonly string[], readonly [string, string]]>([
  ['large', 200, [RESPONSE.replace('{"n"', `{"x":"${'x'.repeat(100_000)}","n"`)], ['200', 'application/json']],
  ['in several messages', 200, [NOTE, RESPONSE], ['200', 'text/event-stream']],
])('a JSON answer that is %s is written as a stream', (_, status, texts, [shown, type]) => {
  const it = composing({ transform: () => () => texts });
  it.open(status, 'application/json');
  it.event(RESPONSE);
  it.end();
  expect(it.outcomes).toMatchObject([
    {
      kind: 'stream',
      headers: expect.arrayContaining([
        [':status', shown],
        ['content-type', type],
      ]),
    },
  ]);
  expect(it.state.ended).toBe(true);
});

test.each([true, false])('a transform that throws ends its own call and nothing else (stream: %s)', (stream) => {
  const it = composing({
    transform: () => () => {
      throw new Error('broken');
    },
  });
  it.open(200, stream ? 'text/event-stream' : 'application/json');
  it.event(RESPONSE);
  expect(it.backend().closed).toBe(true);
  expect(it.state.done).toBe(true);
  if (stream) expect(JSON.parse(it.events()[0]!)).toMatchObject({ id: '7', error: { code: -32000 } });
  else expect(it.outcomes).toMatchObject([{ kind: 'immediate', answer: { status: 503 } }]);
  expect(world.logged).toContainEqual(expect.objectContaining({ msg: 'an answer could not be composed' }));
});

test('a slow client holds its backend up until it has taken what waits', () => {
  const it = composing();
  it.open();
  it.state.pending = 10_000_000;
  it.event(NOTE);
  expect(it.backend().paused).toBe(true);
  it.drained();
  expect(it.backend().paused).toBe(false);
});

describe('a call that was not executed', () => {
  const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const NOT_FOUND = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}';

  test.each([404, 400])('since its session is unknown (%d), is repeated once, in a new one', async (status) => {
    const dead: string[] = [];
    const it = composing({
      repair: (session) => (dead.push(session), Promise.resolve('b2')),
      transform: (session) => () => [session],
    });
    it.open(status, 'application/json');
    it.event(NOT_FOUND);
    it.end();
    await flush();
    expect(dead).toEqual(['b1']);
    expect(it.backend().request.sessionId).toBe('b2');
    it.open(200, 'application/json');
    it.event(RESPONSE);
    it.end();
    expect(it.outcomes).toMatchObject([{ answer: { status: 200, body: 'b2' } }]);
  });

  test('a second time is not repeated again; the error has the id of the call', async () => {
    const it = composing({ repair: () => Promise.resolve('b2') });
    for (const _ of [1, 2]) {
      it.open(404, 'application/json');
      it.event(NOT_FOUND);
      it.end();
      await flush();
    }
    expect(opened).toHaveLength(2);
    expect(it.outcomes).toMatchObject([{ answer: { status: 200, body: NOT_FOUND.replace('null', '"7"') } }]);
  });

  test('although its session lives is answered with what its server said', async () => {
    const it = composing({ repair: () => Promise.resolve(null) });
    it.open(400, 'application/json');
    it.event(NOT_FOUND);
    it.end();
    await flush();
    expect(it.outcomes).toMatchObject([{ answer: { status: 400, body: NOT_FOUND.replace('null', '"7"') } }]);
  });

  test('and whose server opens no other session is refused', async () => {
    const it = composing({
      repair: () => Promise.reject(new ChanceryError('backend_unavailable', { detail: 'memory' })),
    });
    it.open(404, 'text/plain');
    it.end('content_type');
    await flush();
    expect(it.outcomes).toMatchObject([{ answer: { status: 503, details: 'chancery_backend_unavailable' } }]);
  });

  test('is not repeated for a client that left meanwhile', async () => {
    const it = composing({ repair: () => Promise.resolve('b2') });
    it.open(404, 'application/json');
    it.end();
    it.state.leave();
    await flush();
    expect([opened.length, it.outcomes.length, it.state.done]).toEqual([1, 0, true]);
  });
});

type Fault = [
  what: string,
  refusal: string,
  status: number,
  type: string,
  text: string | null,
  why: Parameters<CallRequest['onEnd']>[0],
];
test.each<Fault>([
  ['nothing', '503 unavailable', 0, '', null, 'unreachable'],
  ['nothing in time', '503 unavailable', 0, '', null, 'deadline'],
  ['a status without a word', '503 unavailable', 502, 'text/plain', null, 'content_type'],
  ['a page', '502 malformed', 200, 'text/html', null, 'content_type'],
  ['202', '502 malformed', 202, '', null, 'ended'],
  ['another’s response', '502 malformed', 200, 'application/json', RESPONSE.replace('"7"', '1'), 'ended'],
  ['what is not UTF-8', '502 malformed', 200, 'application/json', null, 'malformed'],
  ['more than is held', '502 malformed', 200, 'application/json', null, 'too_large'],
  ['half a body', '200 lost', 200, 'application/json', null, 'reset'],
])(
  'a backend that answers %s is named in an error (%s) with the id of the call',
  (_, refusal, status, type, text, why) => {
    const it = composing();
    if (status > 0) it.open(status, type);
    if (text !== null) it.event(text);
    it.end(why);
    const [http = '', code = ''] = refusal.split(' ');
    expect(it.outcomes).toMatchObject([
      { kind: 'immediate', answer: { status: Number(http), details: `chancery_backend_${code}` } },
    ]);
    const [outcome] = it.outcomes;
    expect(outcome?.kind === 'immediate' && JSON.parse(String(outcome.answer.body))).toMatchObject({
      id: '7',
      error: { code: -32000, message: expect.stringMatching(/: memory$/) },
    });
  },
);

test.each<[string, Parameters<CallRequest['onEnd']>[0]]>([
  ['ended before it answered', 'ended'],
  ['ended before it answered', 'reset'],
  ['gave an answer that is none', 'malformed'],
  ['gave an answer that is none', 'too_large'],
])('on a stream it is said that the server %s (%s)', (sentence, why) => {
  const it = composing();
  it.open(200, 'text/event-stream');
  it.end(why);
  expect(it.events().join('')).toContain(sentence);
  expect(it.events().join('')).toContain('"id":"7"');
});

test.each([401, 403])('a %d of a backend is no word about the client’s own token', (status) => {
  const it = composing();
  it.open(status, 'application/json');
  it.event('{"jsonrpc":"2.0","id":"7","error":{"code":-32000,"message":"no"}}');
  it.end();
  expect(it.outcomes).toMatchObject([{ answer: { status: 200 } }]);
});

describe('messages that a server wrote as one array', () => {
  const TOGETHER = `[${NOTE},${RESPONSE},{"jsonrpc":"2.0","id":8,"result":{}}]`;
  test('in a stream are passed on each by itself, and the id of their event is of the last', () => {
    const it = composing({ eventId: (id) => `sealed-${id}` });
    it.open();
    it.event(`[${NOTE},${NOTE}]`, '1');
    expect(it.events()).toEqual([NOTE, `sealed-1 ${NOTE}`]);
    it.event(TOGETHER);
    expect(
      it
        .events()
        .slice(2)
        .map((event) => event.replace(/^sealed-1 /, '')),
    ).toEqual([NOTE, RESPONSE]);
    expect(it.state).toMatchObject({ ended: true, done: true });
    expect(world.logged.at(-1)).toMatchObject({ why: 'a response to another request' });
  });
  test('as JSON are a stream for the client', () => {
    const it = composing();
    it.open(200, 'application/json');
    it.event(TOGETHER);
    it.end();
    expect(it.events()).toEqual([NOTE, RESPONSE]);
  });
  test('and the response alone is JSON again', () => {
    const it = composing();
    it.open(200, 'application/json');
    it.event(`[${RESPONSE}]`);
    it.end();
    expect(it.outcomes).toMatchObject([{ answer: { status: 200, body: RESPONSE } }]);
  });
});

describe('a call that its client cancelled', () => {
  const cancel = () => world.gateway.underway.find(TOKEN_ID, '"7"')?.cancelled();
  test('before anything was said ends as a stream without a word', () => {
    const it = composing();
    cancel();
    expect(it.outcomes).toMatchObject([{ kind: 'stream' }]);
    expect([it.events(), it.state.ended, it.state.done, it.backend().closed]).toEqual([[], true, true, true]);
  });
  test('in the middle of a stream ends it, once', () => {
    const it = composing();
    it.open();
    it.event(NOTE);
    cancel();
    cancel();
    expect([it.events(), it.state.ended, it.backend().closed]).toEqual([[NOTE], true, true]);
    it.event(RESPONSE);
    expect(it.events()).toEqual([NOTE]);
  });
  test('after it was answered is over already', () => {
    const it = composing();
    it.open();
    const under = world.gateway.underway.find(TOKEN_ID, '"7"');
    it.event(RESPONSE);
    under?.cancelled();
    expect([it.events(), it.backend().closed]).toEqual([[RESPONSE], false]);
  });
});

test.each([
  ['JSON', 'application/json'],
  ['a stream', 'text/event-stream'],
])('an answer as %s leaves for the access log who was called, why, and who answered', (_, contentType) => {
  const it = composing();
  it.backend().request.onOpen({
    status: 200,
    contentType,
    sessionId: '',
    by: { replica: '127.0.0.1:1', attempts: '2' },
  });
  it.event(RESPONSE);
  it.end();
  const [outcome] = it.outcomes;
  const metadata =
    outcome?.kind === 'immediate' ? outcome.answer.metadata : outcome?.kind === 'stream' && outcome.metadata;
  expect(metadata).toEqual({
    namespace: 'chancery',
    values: [
      ['server', 'memory'],
      ['tool', 'a'],
      ['decision', 'd1'],
      ['lane', 'composed'],
      ['rules', 'r1 r2'],
      ['cluster', 'mcp.memory.1'],
      ['replica', '127.0.0.1:1'],
      ['attempts', '2'],
    ],
  });
});
