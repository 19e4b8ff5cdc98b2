// Decides what must hold of one exchange with Envoy, whatever comes in whichever order: one answer, nothing after the end, nothing left open.
import { setImmediate as turn } from 'node:timers/promises';
import fc, { type Arbitrary } from 'fast-check';
import { pino } from 'pino';
import type { MessageParts } from '../../core/grpc/frames.ts';
import type { EgressAnswer } from '../../core/mcp/egress.ts';
import type { SessionState } from '../../core/session/types.ts';
import { createExchange } from '../../ext-proc/exchange.ts';
import { type Answer, type FakeStream, fakeStream } from '../support/ext-proc-answers.ts';
import { requestBody, requestHeaders, requestTrailers } from '../support/ext-proc-requests.ts';
import { type FakeCall, goodBackend, request, unreachable, type World, worldOf } from '../support/ext-proc-world.ts';
import { WireMessage } from '../support/wire-message.ts';
import { bytes, jsonInputs, mutated } from './json-inputs.ts';
import { asyncProperty, holds, type Property, same } from './property.ts';

const MODERN = '2026-07-28';
const BODY_BYTES_MAX = 2_000;
/** So that what a process keeps of its callers stays what few callers leave. */
const CASES_PER_WORLD = 200;
/** Rounds in which everything that is under way gets its turn; more than any chain of ours is long. */
const TURNS_MAX = 50;

interface Asked {
  readonly headers: Readonly<Record<string, string>>;
  /** null: no session. */
  readonly session: Partial<SessionState> | null;
  readonly body: Buffer;
}

const meta = (version: unknown): object => ({
  _meta: {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  },
});
const LEGACY: readonly object[] = [
  request('ping'),
  request('initialize', { protocolVersion: '2025-11-25', capabilities: { sampling: {} }, clientInfo: {} }),
  request('tools/list', {}, 'x'),
  request('tools/list', { cursor: 'chc1.k1.AAAA' }),
  request('tools/call', { name: 'memory__read_graph', arguments: {} }, '9007199254740993'),
  request('tools/call', { name: 'memory__delete_entities' }),
  request('tools/call', { name: 'nobody__has_it' }),
  request('prompts/get', { name: 'files__summary' }),
  request('resources/read', { uri: 'file:///a.txt' }),
  request('resources/subscribe', { uri: 'file:///a.txt' }),
  request('completion/complete', { ref: { type: 'ref/prompt', name: 'files__summary' }, argument: {} }),
  request('logging/setLevel', { level: 'debug' }),
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
  { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'chr1.k1.AAAA', progress: 1 } },
  { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
  { jsonrpc: '2.0', id: 'chr1.k1.AAAA', result: {} },
  [
    request('ping'),
    request('tools/call', { name: 'memory__read_graph' }, 2),
    { jsonrpc: '2.0', method: 'notifications/x' },
  ],
  [request('ping'), [], 1, request('initialize', {}, 3)],
  [],
];
const NEWER = ['server/discover', 'tools/list', 'tools/call', 'subscriptions/listen', 'resources/read', 'none/such'];
const modern = fc
  .tuple(fc.constantFrom(...NEWER), fc.constantFrom(MODERN, MODERN, MODERN, '2099-01-01', 1))
  .map(([method, version]) => ({
    method,
    name: method === 'tools/call' ? 'memory__read_graph' : method === 'resources/read' ? 'file:///a.txt' : '',
    version,
  }));

const sessions = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 4,
    arbitrary: fc.record({
      protocolVersion: fc.constantFrom('2025-03-26', '2025-06-18', '2025-11-25', '2025-11-25'),
      clientCapabilities: fc.constantFrom({}, {}, { elicitation: {}, sampling: {} }),
      subject: fc.constantFrom('alice', 'alice', 'alice', 'bob'),
    }),
  },
);
const oddHeaders: Arbitrary<Readonly<Record<string, string>>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Readonly<Record<string, string>>[]>(
      { authorization: 'Bearer bob' },
      { authorization: '' },
      { accept: '*/*' },
      { 'content-type': 'text/plain' },
      { 'content-encoding': 'gzip' },
      { 'content-length': '999999' },
      { 'mcp-protocol-version': '1999-01-01' },
      { 'mcp-session-id': 'chs1.k1.AAAA' },
      { ':path': '/mcp/one' },
      { ':path': '/mcp/judged' },
      { ':path': '/mcp/none' },
      { ':path': '/v1/surfaces/default/tools', ':method': 'GET' },
      { ':method': 'PATCH' },
    ),
  },
);
const POST = {
  ':method': 'POST',
  ':path': '/mcp',
  authorization: 'Bearer alice',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};
const legacyAsked: Arbitrary<Asked> = fc.record({
  headers: oddHeaders.map((over) => ({ ...POST, ...over })),
  session: sessions,
  body: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...LEGACY).map((each) => Buffer.from(JSON.stringify(each))) },
    { weight: 1, arbitrary: mutated(fc.constantFrom(...LEGACY).map((each) => Buffer.from(JSON.stringify(each)))) },
    { weight: 1, arbitrary: jsonInputs },
    { weight: 1, arbitrary: fc.nat(3 * BODY_BYTES_MAX).map((size) => Buffer.alloc(size, ' ')) },
  ),
});
const modernAsked: Arbitrary<Asked> = fc.record({ asked: modern, over: oddHeaders }).map(({ asked, over }) => ({
  session: null,
  headers: {
    ...POST,
    'mcp-protocol-version': String(asked.version),
    'mcp-method': asked.method,
    ...(asked.name === '' ? {} : { 'mcp-name': asked.name }),
    ...over,
  },
  body: Buffer.from(
    JSON.stringify(
      request(asked.method, {
        ...(asked.name === '' ? {} : { name: asked.name, uri: asked.name }),
        ...(asked.method === 'subscriptions/listen' ? { notifications: { toolsListChanged: true } } : {}),
        ...meta(asked.version),
      }),
    ),
  ),
}));
const bodiless: Arbitrary<Asked> = fc.record({
  headers: fc
    .tuple(fc.constantFrom('GET', 'GET', 'DELETE'), oddHeaders)
    .map(([method, over]) => ({ ...POST, ':method': method, ...over })),
  session: sessions,
  body: fc.constantFrom(Buffer.alloc(0), Buffer.alloc(0), Buffer.from('x')),
});
const asked = fc.oneof(
  { weight: 4, arbitrary: legacyAsked },
  { weight: 2, arbitrary: modernAsked },
  { weight: 1, arbitrary: bodiless },
);

/** How backends answer: what egress says at once or later, and what each call that is passed on is answered. */
interface Backend {
  readonly later: boolean;
  readonly reachable: boolean;
  /** Used in turn. */
  readonly answers: readonly BackendAnswer[];
}
type BackendAnswer = (typeof BACKEND_ANSWERS)[number];
const BACKEND_ANSWERS = [
  'events',
  'json',
  'asks',
  'primed',
  'broken',
  'refused',
  'lost',
  'unreachable',
  'silent',
  'rubbish',
] as const;
const backend: Arbitrary<Backend> = fc.record({
  later: fc.boolean(),
  reachable: fc.nat(4).map((each) => each > 0),
  answers: fc.array(fc.constantFrom(...BACKEND_ANSWERS), { minLength: 1, maxLength: 4 }),
});

const idOf = (call: FakeCall): string => {
  const { body } = call.request;
  if (body === undefined) return 'null';
  const parsed = JSON.parse(body.toString()) as { id?: unknown };
  return JSON.stringify(parsed.id ?? null);
};
const SAY = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":9007199254740993}}';
const ASK =
  '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object"}}}';

const ANSWERING: Readonly<Record<BackendAnswer, (call: FakeCall, response: string) => void>> = {
  events(call, response) {
    call.head();
    call.event(SAY);
    call.event(response);
    call.end();
  },
  json(call, response) {
    call.head(200, 'application/json');
    call.event(response);
    call.end();
  },
  asks(call, response) {
    call.head();
    call.event(ASK, 'e1');
    call.event(response, 'e2');
    call.end();
  },
  primed(call) {
    call.head();
    call.event('', 'e0', 5);
    call.end();
  },
  broken(call) {
    call.head();
    call.event(SAY);
    call.end('reset');
  },
  refused: (call) => call.refuse(500),
  lost: (call) => call.refuse(404),
  unreachable: (call) => call.end('unreachable'),
  silent: (call) => call.end('deadline'),
  rubbish(call) {
    call.head();
    call.event('{"jsonrpc":');
    call.event('{"jsonrpc":"2.0","id":"another","result":{}}');
    call.end('malformed');
  },
};

let used = 0;
let world: World | null = null;
function freshWorld(): World {
  if (world === null || used++ % CASES_PER_WORLD === 0) {
    world?.close();
    world = worldOf({ log: pino({ level: 'silent' }), bodyBytesMax: BODY_BYTES_MAX });
  }
  return world;
}

function tokenIdOf(count: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(count);
  return bytes.toString('base64url');
}

function lettersOf(count: number): string {
  return [...String(count)].map((digit) => String.fromCharCode(97 + Number(digit))).join('');
}

/** One exchange, its side of Envoy, and the backends behind it. */
interface Played {
  readonly world: World;
  readonly stream: FakeStream;
  readonly exchange: ReturnType<typeof createExchange>;
  /** What the protocol between Envoy and us was broken by. */
  readonly broken: string[];
  headers(endOfStream: boolean): Buffer;
  /** Backends answer, until nobody asks them any more. */
  settle(): Promise<void>;
  /** The caller is gone. */
  close(): void;
  open(): readonly FakeCall[];
}

function play({ headers, session }: Asked, { later, reachable, answers }: Backend): Played {
  const here = freshWorld();
  const good = goodBackend();
  here.backend = (asked) => {
    const answer: EgressAnswer = reachable ? good(asked) : unreachable;
    return later ? turn(answer) : answer;
  };
  const stream = fakeStream();
  const broken: string[] = [];
  let gone = false;
  const watched = {
    headers: stream.headers,
    get pendingBytes() {
      return 0;
    },
    onDrain: stream.onDrain,
    fail: stream.fail,
    end: () => stream.end(),
    send(...messages: readonly MessageParts[]) {
      if (gone) broken.push('something was sent to one who left');
      try {
        stream.send(...messages);
      } catch (error) {
        broken.push(String(error));
      }
    },
  };
  // A session, or else a principal, of its own for each case: what one case ended or replaced is nothing to the next.
  const own: Record<string, string> = { ...headers };
  if (session === null) {
    if (own.authorization === POST.authorization) own.authorization = `Bearer ${lettersOf(used)}`;
  } else own['mcp-session-id'] ??= here.token({ ...session, tokenId: tokenIdOf(used) });
  const from = here.calls.made.length;
  const mine = (): readonly FakeCall[] => here.calls.made.slice(from);
  const exchange = createExchange(watched, here.gateway);
  let turnOf = 0;
  return {
    world: here,
    stream,
    exchange,
    broken,
    headers: (endOfStream) => requestHeaders({ headers: Object.entries(own), endOfStream }),
    async settle() {
      for (let turns = 0; turns < TURNS_MAX; turns++) {
        await turn();
        const open = mine().filter(({ state, request: { method } }) => state === 'open' && method === 'POST');
        for (const call of open) {
          const response = `{"jsonrpc":"2.0","id":${idOf(call)},"result":{"content":[]}}`;
          ANSWERING[answers[turnOf++ % answers.length]!](call, response);
        }
        if (open.length === 0 && turns > 3) return;
      }
      broken.push('backends are asked without end');
    },
    close() {
      gone = true;
      exchange.closed();
    },
    open: () => mine().filter(({ state }) => state === 'open'),
  };
}

/** What is new each time, out; pieces of a body together. */
function told(answers: readonly Answer[]): unknown[] {
  const merged: Answer[] = [];
  for (const answer of answers) {
    const last = merged.at(-1);
    if (last !== undefined && 'endOfStream' in last && 'endOfStream' in answer && last.kind === answer.kind) {
      merged[merged.length - 1] = { ...answer, body: last.body + answer.body };
    } else merged.push(answer);
  }
  return JSON.parse(
    JSON.stringify(merged)
      .replaceAll(/ch[a-z]1\.[\w-]+\.[\w-]+/g, 'SEALED')
      .replaceAll(/[\w.]+#\d+/g, 'BACKEND'),
  );
}

interface Cut {
  readonly asked: Asked;
  readonly backend: Backend;
  readonly cuts: readonly number[];
  readonly ending: 'flag' | 'empty';
}
const cut: Arbitrary<Cut> = fc.record({
  asked,
  backend,
  cuts: fc.array(fc.constantFrom(0, 1, 3, 17, 100, 1_000), { minLength: 1, maxLength: 5 }),
  ending: fc.constantFrom('flag', 'empty'),
});

async function exchanged({ asked, backend, cuts, ending }: Cut): Promise<unknown[]> {
  const played = play(asked, backend);
  const { exchange, stream, broken } = played;
  const { body } = asked;
  const alone = body.length === 0 && ending === 'flag';
  exchange.message(played.headers(alone));
  for (let at = 0, index = 0; !alone && (at < body.length || index === 0); index++) {
    const size = cuts[index % cuts.length]! + (index > 0 && index % cuts.length === 0 ? 1 : 0);
    const ends = at + size >= body.length && ending === 'flag';
    exchange.message(requestBody(body.subarray(at, at + size), ends));
    at += size;
    if (ends) break;
  }
  if (!alone && ending === 'empty') exchange.message(requestBody('', true));
  await played.settle();
  holds(stream.answers.length > 0, 'there is no answer');
  exchange.halfClosed();
  played.close();
  await turn();
  same(broken, [], 'what went against the protocol');
  same(played.open().length, 0, 'calls that are left open');
  return told(stream.answers);
}

async function sameInAnyCut(input: Cut): Promise<void> {
  const whole = await exchanged({ ...input, cuts: [100_000], ending: 'flag' });
  same(await exchanged(input), whole, 'in pieces');
}

type Step =
  | { readonly kind: 'headers'; readonly end: boolean }
  | { readonly kind: 'body'; readonly size: number; readonly end: boolean }
  | { readonly kind: 'trailers' | 'other' | 'turn' | 'backends' | 'half' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };
const step: Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('headers' as const), end: fc.nat(3).map((each) => each === 0) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('body' as const),
      size: fc.constantFrom(0, 1, 50, 5_000, 5_000, 5_000),
      end: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('trailers', 'other', 'turn', 'backends', 'half') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('bytes' as const), bytes: bytes(12) }) },
);
interface Disorder {
  readonly asked: Asked;
  readonly backend: Backend;
  readonly steps: readonly Step[];
  /** Begins as Envoy does. */
  readonly inOrder: boolean;
}
const disorder: Arbitrary<Disorder> = fc.record({
  asked,
  backend,
  steps: fc.array(step, { maxLength: 10 }),
  inOrder: fc.boolean(),
});

async function survives({ asked, backend, steps, inOrder }: Disorder): Promise<void> {
  const played = play(asked, backend);
  const { exchange, stream, broken } = played;
  let at = 0;
  const first: Step = { kind: 'headers', end: false };
  for (const each of inOrder ? [first, ...steps] : steps) {
    try {
      switch (each.kind) {
        case 'headers':
          exchange.message(played.headers(each.end));
          break;
        case 'body':
          exchange.message(requestBody(asked.body.subarray(at, at + each.size), each.end));
          at += each.size;
          break;
        case 'trailers':
          exchange.message(requestTrailers());
          break;
        case 'other':
          exchange.message(new WireMessage().messageField(3, new WireMessage()).finish());
          break;
        case 'bytes':
          exchange.message(each.bytes);
          break;
        case 'half':
          exchange.halfClosed();
          break;
        case 'turn':
          await turn();
          break;
        case 'backends':
          await played.settle();
      }
    } catch (error) {
      const named = error instanceof Error && error.message.startsWith('malformed protobuf message');
      holds(named && each.kind === 'bytes', `${each.kind} threw ${String(error)}`);
      // The server ends such a call and listens no further.
      break;
    }
    if (stream.state !== 'open') break;
  }
  played.close();
  // What was under way when the caller left comes to its end, and is told to nobody.
  await turn();
  await played.settle();
  same(broken, [], 'what went against the protocol');
  same(played.open().length, 0, 'calls that are left open');
  same(played.world.gateway.streams.size, 0, 'streams that are left open');
}

export const EXCHANGE_PROPERTIES: readonly Property[] = [
  asyncProperty(
    'a request has one answer, the same in any cut, and leaves nothing open',
    2,
    { inputs: cut },
    sameInAnyCut,
  ),
  asyncProperty(
    'an exchange takes messages in any order, and a caller that leaves at any time',
    2,
    { inputs: disorder },
    survives,
  ),
];
