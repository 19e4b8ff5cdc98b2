// Decides that no answer, question, progress, event or update reaches another principal, however alike the ids are and however many call at once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SseParser } from '../../core/mcp/sse.ts';
import { CLIENT_INFO, raw, request } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served } from '../support/federation.ts';
import { EVENTS_TYPE, eventOf, type RawCall, type RawServer, resultOf, startRawServer } from '../support/raw-server.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const PRINCIPALS = ['ada', 'bea', 'cyd', 'dov', 'eli', 'fay'];
const ROUNDS = 6;
/** Of calls at the same time in one session: everybody has the ids 1 to 6 and the progress token 1. */
const CALLS = 6;
/** Whatever belongs to somebody says so. */
const OWNED = /owned-by-(\w+)/g;
const ownersIn = (text: string): string[] => [...new Set([...text.matchAll(OWNED)].map(([, owner = '']) => owner))];

/** Answers come in another order than the calls: those that wait are answered from the last to the first. */
const waiting: (() => void)[] = [];
let turning = false;
function inTurn(answer: () => void): void {
  waiting.push(answer);
  if (turning) return;
  turning = true;
  setTimeout(() => {
    turning = false;
    for (const each of waiting.splice(0).reverse()) each();
  }, 3);
}

/** What backends saw: which principals used each of their sessions. */
const usersOf = new Map<string, Set<string>>();
const streams = new Map<string, (data: string) => void>();

function echo(server: string): (call: RawCall) => void {
  return ({ idText, body, session, response }) => {
    const [owner = 'nobody'] = ownersIn(body);
    const users = usersOf.get(session) ?? new Set();
    usersOf.set(session, users.add(owner));
    const mine = `owned-by-${owner}`;
    response.writeHead(200, EVENTS_TYPE);
    const token = /"progressToken":([^,}]+)/.exec(body)?.[1];
    if (token !== undefined)
      response.write(
        eventOf(
          `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1,"message":"${mine}"}}`,
          `${server}-p`,
        ),
      );
    streams.get(session)?.(
      `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${mine}"}}`,
    );
    inTurn(() => {
      if (!response.destroyed)
        response.end(
          eventOf(resultOf(idText, `{"content":[{"type":"text","text":"${mine} ${server}"}]}`), `${server}-e`),
        );
    });
  };
}

/** Asks with the same id everywhere, and answers with what it was told. */
const asked = new Map<string, (answer: string) => void>();
function ask(server: string): (call: RawCall) => void {
  return ({ idText, body, session, response }) => {
    const [owner = 'nobody'] = ownersIn(body);
    response.writeHead(200, EVENTS_TYPE);
    // One question in a session at a time: its id is 1, as it is everywhere else.
    asked.set(session, (told) => {
      inTurn(() =>
        response.end(eventOf(resultOf(idText, `{"content":[{"type":"text","text":${JSON.stringify(told)}}]}`))),
      );
    });
    const params = `{"message":"owned-by-${owner} ${server}","requestedSchema":{"type":"object","properties":{"who":{"type":"string"}}}}`;
    response.write(eventOf(`{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":${params}}`));
  };
}

async function startServer(name: string): Promise<RawServer> {
  const tools = ['echo', 'ask'].map((tool) => ({ name: tool, inputSchema: { type: 'object' } }));
  const server = await startRawServer(name, {
    capabilities: '{"tools":{},"logging":{}}',
    answers: { 'tools/list': JSON.stringify({ tools }) },
    calls: { echo: echo(name), ask: ask(name) },
    onResponse: (session, body) => asked.get(session)?.(body),
    stream: (session, response) => {
      response.flushHeaders();
      let count = 0;
      streams.set(session, (data) => void response.write(eventOf(data, `g${count++}`)));
    },
  });
  return server;
}

let stack: Stack;
let alpha: RawServer;
let beta: RawServer;
const tokens = new Map<string, string>();
beforeAll(async () => {
  [alpha, beta, stack] = await Promise.all([startServer('alpha'), startServer('beta'), startStack({ example: '' })]);
  await put(stack, '/v1/policies/base', ALLOW_ALL);
  await declare(stack, { alpha: alpha.url, beta: beta.url });
  await put(stack, '/v1/surfaces/default', { servers: [{ server: 'alpha' }, { server: 'beta' }] });
  await put(stack, '/v1/surfaces/one', { servers: [{ server: 'alpha' }] });
  await served(stack, 'default', 'beta__echo');
  await served(stack, 'one', 'echo');
  for (const surface of ['default', 'one']) {
    for (const principal of PRINCIPALS) tokens.set(`${surface} ${principal}`, await stack.token(surface, principal));
  }
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([alpha?.close(), beta?.close()]);
});

interface Party {
  readonly principal: string;
  readonly surface: string;
  /** '' in the modern era. */
  readonly session: string;
  /** Everything that came to this party, whatever brought it. */
  readonly got: string[];
  readonly gone: AbortController;
}

type Way = 'native' | 'composed' | 'modern';

async function join(principal: string, surface: string, way: Way): Promise<Party> {
  const party = { principal, surface, got: [], gone: new AbortController() };
  if (way === 'modern') return { ...party, session: '' };
  const capabilities = way === 'composed' ? { elicitation: {} } : {};
  const response = await post(
    { ...party, session: '' },
    request(1, 'initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo: CLIENT_INFO }),
  );
  await response.text();
  const session = response.headers.get('mcp-session-id');
  if (session === null) throw new Error(`initialize: ${response.status}`);
  return { ...party, session };
}

function post(
  { principal, surface, session }: Party,
  body: object,
  signal?: AbortSignal,
  bearer = principal,
): Promise<Response> {
  const { method = '', params } = body as { method?: string; params?: { name?: string } };
  const modern = { 'mcp-protocol-version': MODERN, 'mcp-method': method, 'mcp-name': params?.name ?? '' };
  const isModern = session === '' && method !== 'initialize';
  return raw(stack.mcp(surface), {
    token: tokens.get(`${surface} ${bearer}`)!,
    ...(session === '' ? {} : { session }),
    ...(isModern ? { headers: modern } : {}),
    body,
    ...(signal && { signal }),
  });
}

function callOf(party: Party, id: number, tool: string, args: object = {}): object {
  const names = party.surface === 'one' ? [tool] : [`alpha__${tool}`, `beta__${tool}`];
  const declared = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
  };
  return request(id, 'tools/call', {
    name: names[id % names.length],
    arguments: { mine: `owned-by-${party.principal}`, ...args },
    _meta: { progressToken: 1, ...(party.session === '' ? declared : {}) },
  });
}

/** Events as they come, until the stream ends or its reader left. */
async function read(
  party: Party,
  response: Response,
  each: (data: string) => Promise<unknown> | undefined = () => undefined,
): Promise<string> {
  const parser = new SseParser(1_000_000);
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      const piece = decoder.decode(chunk, { stream: true });
      text += piece;
      party.got.push(piece);
      for (const { data } of parser.push(piece)) await each(data);
    }
  } catch (error) {
    if (!party.gone.signal.aborted && (error as Error).name !== 'AbortError') throw error;
  }
  return text;
}

/** One call of many: it is answered, taken back, or left in the middle, by its number. */
async function one(party: Party, id: number): Promise<void> {
  const left = new AbortController();
  if (id === 5) setTimeout(() => left.abort(), 2);
  const response = await post(party, callOf(party, id, 'echo'), left.signal).catch(() => null);
  if (response === null) return;
  if (id === 4 && party.session !== '') {
    const body = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 4 } };
    await (await post(party, body)).text();
  }
  const text = await read(party, response);
  if (id === 5) return;
  expect(text).toContain(`"id":${id}`);
  expect(text).toContain(`"text":"owned-by-${party.principal} `);
}

async function listen(party: Party, lastEventId = ''): Promise<{ done: Promise<string>; close: () => void }> {
  const left = new AbortController();
  const response = await raw(stack.mcp(party.surface), {
    method: 'GET',
    token: tokens.get(`${party.surface} ${party.principal}`)!,
    session: party.session,
    headers: lastEventId === '' ? {} : { 'last-event-id': lastEventId },
    signal: left.signal,
  });
  expect(response.status).toBe(200);
  return { done: read(party, response), close: () => left.abort() };
}

async function parties(): Promise<Party[]> {
  const ways: readonly [string, Way][] = [
    ['default', 'native'],
    ['default', 'composed'],
    ['default', 'modern'],
    ['one', 'native'],
    ['one', 'modern'],
  ];
  return Promise.all(PRINCIPALS.flatMap((principal) => ways.map(([surface, way]) => join(principal, surface, way))));
}
const everythingIsTheirOwn = (all: readonly Party[]): void => {
  for (const party of all)
    expect(ownersIn(party.got.join('\n')).filter((owner) => owner !== party.principal)).toEqual([]);
};

describe('many callers at once, with the same ids and progress tokens, over the same servers', () => {
  test('each gets what is its own: answers, progress, and what comes on streams that break and go on', async () => {
    const all = await parties();
    const listening = all.filter(({ session }) => session !== '');
    for (let round = 0; round < ROUNDS; round++) {
      // Streams are opened, and in the next round taken up again where they were.
      const open = await Promise.all(
        listening.map((party) => {
          const ids = [...party.got.join('').matchAll(/^id: (\S+)$/gm)].map(([, id = '']) => id);
          const last = ids
            .filter((id) => (party.surface === 'default' ? id.startsWith('che1.') : /^g\d/.test(id)))
            .at(-1);
          return listen(party, last ?? '');
        }),
      );
      await Promise.all(all.flatMap((party) => Array.from({ length: CALLS }, (_, index) => one(party, index + 1))));
      for (const { close } of open) close();
      await Promise.all(open.map(({ done }) => done));
    }
    everythingIsTheirOwn(all);
    // Everybody heard of something beside the answers, so there was something to mix up.
    const streamed = listening.filter(({ got }) => got.some((text) => text.includes('notifications/message')));
    expect(streamed.length).toBe(listening.length);
    // And behind, a session of a server was never used for two.
    for (const users of usersOf.values()) expect([...users]).toHaveLength(1);
  });

  test('each is asked its own question, and its answer goes back into its own call', async () => {
    const all = (await parties()).filter(({ session, surface }) => surface === 'default' && session !== '');
    const composed = await Promise.all(
      PRINCIPALS.flatMap((principal) => [
        join(principal, 'default', 'composed'),
        join(principal, 'default', 'composed'),
      ]),
    );
    expect(all.length).toBeGreaterThan(0);
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(
        composed.map(async (party) => {
          const response = await post(party, callOf(party, 2, 'ask'));
          const text = await read(party, response, async (data) => {
            const message = JSON.parse(data) as { id?: unknown; method?: string };
            if (message.method !== 'elicitation/create') return;
            const result = { action: 'accept', content: { who: `owned-by-${party.principal}` } };
            await (await post(party, { jsonrpc: '2.0', id: message.id, result })).text();
          });
          expect(text).toContain('"id":2,"result"');
          expect(ownersIn(text)).toEqual([party.principal]);
        }),
      );
    }
    everythingIsTheirOwn(composed);
  });

  test('a modern caller goes on with its own state only, and nobody with another’s', async () => {
    const all = await Promise.all(PRINCIPALS.map((principal) => join(principal, 'default', 'modern')));
    const first = await Promise.all(
      all.map(async (party) => {
        const text = await (await post(party, callOf(party, 2, 'ask'))).text();
        expect(ownersIn(text)).toEqual([party.principal]);
        const { result } = JSON.parse(text.replace(/^[\s\S]*?data: /, '')) as {
          result: { requestState: string; inputRequests: Record<string, unknown> };
        };
        return { party, ...result };
      }),
    );
    const goOn = ({ requestState, inputRequests }: (typeof first)[number], by: Party): Promise<Response> => {
      const inputResponses = Object.fromEntries(
        Object.keys(inputRequests).map((key) => [
          key,
          { action: 'accept', content: { who: `owned-by-${by.principal}` } },
        ]),
      );
      const body = callOf(by, 2, 'ask') as { params: object };
      return post(by, { ...body, params: { ...body.params, requestState, inputResponses } });
    };
    const stolen = await Promise.all(first.map((each, index) => goOn(each, all[(index + 1) % all.length]!)));
    for (const response of stolen) expect(await response.text()).toContain('"code":-32602');
    const answers = await Promise.all(first.map(async (each) => (await goOn(each, each.party)).text()));
    answers.forEach((text, index) => {
      expect(text).toContain('"resultType":"complete"');
      expect(ownersIn(text)).toEqual([PRINCIPALS[index]]);
    });
  });

  test('a session is of no use to another, whatever it is used for', async () => {
    const all = await Promise.all(PRINCIPALS.map((principal) => join(principal, 'default', 'native')));
    const tries = all.map(async (party, index) => {
      const thief = PRINCIPALS[(index + 1) % PRINCIPALS.length]!;
      const response = await post(party, callOf(party, 1, 'echo'), undefined, thief);
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain('owned-by');
      const heard = await raw(stack.mcp(), {
        method: 'GET',
        token: tokens.get(`default ${thief}`)!,
        session: party.session,
      });
      expect(heard.status).toBe(404);
    });
    await Promise.all(tries);
    await until(
      'nothing of it arrived',
      () => [...usersOf.values()].map(({ size }) => size),
      (sizes) => Math.max(...sizes) === 1,
    );
  });
});
