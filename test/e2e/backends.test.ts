// Decides what a caller gets of a server that lies or breaks off, and that the callers of the others notice nothing.
import { createServer, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO, raw, request, rpc, texts } from '../support/clients.ts';
import { answer, event, LIES, type LyingServer, startLyingServer } from '../support/lying-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** By which lane its calls go: Envoy's own for a client that nobody can ask anything, ours for the other. */
const CLIENTS = {
  native: {},
  composed: { sampling: {}, elicitation: {}, roots: {} },
} as const;
type Lane = keyof typeof CLIENTS;
const LANES = Object.keys(CLIENTS) as Lane[];

let stack: Stack;
let lying: LyingServer;
let honest: TestServer;
let other: TestServer;
let forgets = 0;
beforeAll(async () => {
  [lying, honest, other] = await Promise.all([
    startLyingServer({
      ...LIES,
      // Of the session with which it is called first it knows nothing more when it answers.
      vanishing: ({ id, response }) => {
        if (forgets++ % 2 === 1)
          return void response.writeHead(200, { 'content-type': 'application/json' }).end(answer(id, 'repeated'));
        lying.forget();
        response.writeHead(404).end();
      },
      // Every session is unknown to it, but to this tool alone.
      never_known: ({ response }) => void response.writeHead(404).end(),
    }),
    startTestServer('honest'),
    startTestServer('other'),
  ]);
  stack = await startStack({ example: '' });
  for (const [name, url] of [
    ['lying', lying.url],
    ['honest', honest.url],
    ['other', other.url],
  ] as const) {
    await put(`/v1/servers/${name}`, { versions: [{ version: '1', endpoints: [{ url }] }] });
  }
  await put('/v1/surfaces/three', {
    auth: 'none',
    servers: ['lying', 'honest', 'other'].map((server) => ({ server })),
  });
  await put('/v1/surfaces/alone', { auth: 'none', servers: [{ server: 'lying' }] });
  await put('/v1/policies/everybody', {
    version: 'tbac/v1',
    rules: [{ id: 'everything', effect: 'allow', tools: ['*'] }],
  });
  await until(
    'all are listed',
    () => listed('three'),
    (names) => names.length === EVERYTHING,
  );
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([lying?.close(), honest?.close(), other?.close()]);
});

/** The lying server's tools (one more than lies, and two above), and one of each other. */
const EVERYTHING = Object.keys(LIES).length + 5;

async function put(path: string, body: object): Promise<void> {
  const response = await stack.api('PUT', path, body);
  expect(response.status, await response.text()).toBeLessThan(300);
}

interface Session {
  post(body: object, signal?: AbortSignal): Promise<Response>;
}

async function open(surface: string, lane: Lane = 'native'): Promise<Session | null> {
  const url = stack.mcp(surface);
  const params = { protocolVersion: '2025-11-25', capabilities: CLIENTS[lane], clientInfo: CLIENT_INFO };
  const opened = await raw(url, { body: request('init', 'initialize', params) });
  await opened.text();
  const session = opened.headers.get('mcp-session-id');
  if (opened.status !== 200 || session === null) return null;
  return {
    post: (body, signal) => raw(url, { session, body, ...(signal !== undefined && { signal }) }),
  };
}

async function session(lane: Lane): Promise<Session> {
  const opened = await open('three', lane);
  if (opened === null) throw new Error('no session was opened');
  return opened;
}

async function listed(surface: string): Promise<string[]> {
  const { result } = (await (await open(surface))?.post(request(1, 'tools/list')).then(rpc)) ?? {};
  return ((result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
}

/** The other servers' tools in the list, and what they answer. */
async function others({ post }: Session): Promise<string[]> {
  const { result } = await rpc(await post(request('list', 'tools/list')));
  const names = ((result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
  const greeted = ['honest', 'other'].map(async (server) => {
    expect(names).toContain(`${server}__greet`);
    const call = { name: `${server}__greet`, arguments: { who: 'you' } };
    return texts((await rpc(await post(request(server, 'tools/call', call)))).result);
  });
  return Promise.all(greeted);
}
const UNTOUCHED = ['honest greets you', 'other greets you'];

/** `status type body`; a body that did not end in good order ends with `…`. */
async function said(response: Response): Promise<string> {
  let body = '';
  try {
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      body += decoder.decode(chunk, { stream: true });
  } catch {
    body += '…';
  }
  return `${response.status} ${response.headers.get('content-type') ?? '-'} ${body}`;
}

const calling = (tool: string) => request('my-call', 'tools/call', { name: `lying__${tool}` });
const BROKEN = '{"jsonrpc":"2.0","id":"my-call","error":{"code":-32603,"message":"broken"}}';

const NOBODY = '{"jsonrpc":"2.0","id":"my-call","error":{"code":-32000,"message":"who are you?"}}';
const LATER = '{"jsonrpc":"2.0","id":"my-call","error":{"code":-32003,"message":"later"}}';

const error = (sentence: string): string =>
  `{"jsonrpc":"2.0","id":"my-call","error":{"code":-32000,"message":"the server behind this tool ${sentence}"}}`;
const json = (status: number, body: string): string => `${status} application/json ${body}`;
const stream = (...messages: string[]): string => `200 text/event-stream ${messages.map(event).join('')}`;
const MALFORMED = json(502, error('gave an answer that is none: lying'));
const UNAVAILABLE = json(503, error('cannot be reached: lying'));
const LOST = stream(error('ended before it answered: lying'));
const STRANGER = answer('"another"', 'for whom?');

/** Envoy relays what a server says, whatever it says; ext-proc passes on only what answers the call. */
const ANSWERS: readonly (readonly [tool: string, native: string, composed: string])[] = [
  ['truth', json(200, answer('"my-call"', 'the truth')), json(200, answer('"my-call"', 'the truth'))],
  ['wrong_id', json(200, STRANGER), MALFORMED],
  ['wrong_id_event', stream(STRANGER), LOST],
  ['twice', stream(answer('"my-call"', 'first'), answer('"my-call"', 'second')), stream(answer('"my-call"', 'first'))],
  ['invalid_utf8', json(200, answer('"my-call"', '\ufffd\ufffd')), MALFORMED],
  [
    'invalid_utf8_event',
    stream(answer('"my-call"', '\ufffd\ufffd')),
    stream(error('gave an answer that is none: lying')),
  ],
  ['early_close', json(503, error('cannot be reached')), UNAVAILABLE],
  [
    'early_close_body',
    json(200, '{"jsonrpc":"2.0","id":"my-call",…'),
    json(200, error('ended before it answered: lying')),
  ],
  ['early_close_event', '200 text/event-stream data: {"jsonrpc":"2.0","id":"my-call",…', LOST],
  ['no_answer', stream(), LOST],
  ['empty', json(200, ''), MALFORMED],
  ['no_json', json(200, '{"jsonrpc":'), MALFORMED],
  ['wrong_type', MALFORMED, MALFORMED],
  ['status_500', UNAVAILABLE, UNAVAILABLE],
  ['status_500_json', json(500, BROKEN), json(500, BROKEN)],
  ['status_401', UNAVAILABLE, UNAVAILABLE],
  // Not the client's to answer; and of a status that any proxy gives, the body may be anybody's.
  ['status_401_json', UNAVAILABLE, json(200, NOBODY)],
  ['status_503_json', UNAVAILABLE, json(503, LATER)],
  ['status_307', UNAVAILABLE, UNAVAILABLE],
  // It is repeated once, in a new session.
  ['vanishing', json(200, answer('"my-call"', 'repeated')), json(200, answer('"my-call"', 'repeated'))],
  // The session lives, so it was this message that was refused.
  ['never_known', UNAVAILABLE, UNAVAILABLE],
];

describe.each(LANES)('a server whose calls are %s', (lane) => {
  test.each(ANSWERS)('and that answers with %s', async (tool, native, composed) => {
    const client = await session(lane);
    const [found, rest] = await Promise.all([client.post(calling(tool)).then(said), others(client)]);
    expect(found).toBe(lane === 'native' ? native : composed);
    expect(rest).toEqual(UNTOUCHED);
  });

  // What has no end: a client takes this much, and leaves.
  const ENOUGH = 4 * 1024 * 1024;
  test.each(lane === 'native' ? ['endless', 'long_line', 'long_body'] : ['endless'])(
    'and that does not end (%s): it is read as far as its caller reads, and left when he leaves',
    async (tool) => {
      const client = await session(lane);
      const response = await client.post(calling(tool));
      expect(response.status).toBe(200);
      let bytes = 0;
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        if (bytes === 0) expect(await others(client)).toEqual(UNTOUCHED);
        bytes += chunk.length;
        if (bytes > ENOUGH) break;
      }
      expect(bytes).toBeGreaterThan(ENOUGH);
      await left(tool);
    },
  );

  if (lane === 'composed')
    test.each([
      ['long_line', stream(error('gave an answer that is none: lying'))],
      ['long_body', MALFORMED],
    ])('and whose message does not end (%s): no more than a bound of it is held', async (tool, wanted) => {
      const client = await session(lane);
      const [found, rest] = await Promise.all([client.post(calling(tool)).then(said), others(client)]);
      expect(found).toBe(wanted);
      expect(rest).toEqual(UNTOUCHED);
      await left(tool);
    });

  test.each(['slow', 'silent'])('and that keeps its caller waiting (%s): he can leave', async (tool) => {
    const client = await session(lane);
    const leave = new AbortController();
    const waiting = client.post(calling(tool), leave.signal).then(said, (reason: unknown) => String(reason));
    await until(
      'it has the call',
      () => lying.open(tool),
      (count) => count === 1,
    );
    expect(await others(client)).toEqual(UNTOUCHED);
    leave.abort();
    await waiting;
    await left(tool);
  });

  test('and that forgets all its sessions: the next call is repeated in a new one', async () => {
    const client = await session(lane);
    lying.forget();
    expect(await client.post(calling('truth')).then(said)).toBe(json(200, answer('"my-call"', 'the truth')));
  });
});

const left = (tool: string): Promise<number> =>
  until(
    'the server sees that nobody waits',
    () => lying.open(tool),
    (count) => count === 0,
  );

test.each([
  ['status_500_json', json(500, BROKEN)],
  ['status_503_json', json(503, LATER)],
  ['status_500', UNAVAILABLE],
  ['status_401', UNAVAILABLE],
  ['status_401_json', UNAVAILABLE],
  ['status_307', UNAVAILABLE],
  ['never_known', UNAVAILABLE],
  ['wrong_type', MALFORMED],
])(
  'on a surface of its own a server’s errors are its own, and still no word to the client of credentials, sessions, addresses: %s',
  async (tool, wanted) => {
    const client = await open('alone');
    const answered = await client!.post(request('my-call', 'tools/call', { name: tool }));
    for (const header of ['www-authenticate', 'location']) expect(answered.headers.get(header)).toBeNull();
    expect(await said(answered)).toBe(wanted);
  },
);

describe('a server that says to nobody what it should', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  const BAD: Readonly<Record<string, (response: ServerResponse) => void>> = {
    silent: () => undefined,
    closing: (response) => void response.socket?.destroy(),
    page: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>'),
    failing: (response) => void response.writeHead(500).end(),
    stranger: (response) => void response.writeHead(200, JSON_TYPE).end(answer('"another"', 'for whom?')),
    wordless: (response) => void response.writeHead(200, JSON_TYPE).end('{"jsonrpc":"2.0","id":1,"result":null}'),
    endless: (response) => LIES.endless({ id: 'null', response }),
    slow: (response) => LIES.slow({ id: 'null', response }),
  };

  test.each(Object.entries(BAD))('(%s) is missing from its surface, and nothing else is', async (name, lie) => {
    const server = createServer((_, response) => lie(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      await put(`/v1/servers/bad-${name}`, {
        versions: [{ version: '1', endpoints: [{ url: `http://127.0.0.1:${port}/mcp` }] }],
      });
      const members = [`bad-${name}`, 'honest', 'other'].map((server) => ({ server }));
      await put(`/v1/surfaces/with-${name}`, { auth: 'none', servers: members });
      const wanted = ['honest__greet', 'other__greet'];
      await until(
        'the others are listed',
        () => listed(`with-${name}`),
        (names) => wanted.every((each) => names.includes(each)),
      );
      for (const lane of LANES) {
        const client = await open(`with-${name}`, lane);
        expect(client).not.toBeNull();
        if (client !== null) expect(await others(client)).toEqual(UNTOUCHED);
      }
      expect(await listed(`with-${name}`)).toEqual(wanted);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
