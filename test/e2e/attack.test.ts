// Decides, at the wire, that none of these ways around the policy, the session, the caller or the path works.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { raw, request, rpc, texts } from '../support/clients.ts';
import { type Stack, startStackWithSession } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let token: string;
let session: string;
beforeAll(async () => {
  ({ stack, token, session } = await startStackWithSession());
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
});

type Headers = Readonly<Record<string, string | readonly string[]>>;
interface Wire {
  readonly method?: string;
  readonly path?: string;
  /** '' leaves a header out; several values send it several times. */
  readonly headers?: Headers;
  readonly body?: string;
}

/** One request as these very bytes, as no HTTP client would write it; the whole answer. */
function wire({ method = 'POST', path = '/mcp', headers = {}, body = '' }: Wire): Promise<string> {
  const all: Headers = {
    host: `127.0.0.1:${stack.ports.gateway}`,
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-session-id': session,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all)
    .flatMap(([name, value]) => [value].flat().map((one) => [name, one] as const))
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(stack.ports.gateway, '127.0.0.1');
    socket.setTimeout(20_000, () => socket.destroy(new Error(`no end of the answer: ${answer}`)));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(answer));
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}
const statusOf = (answer: string): number => Number(answer.split(' ')[1]);
const called = (name: string): string => JSON.stringify(request(1, 'tools/call', { name, arguments: {} }));
const ECHO = JSON.stringify(request(1, 'tools/call', { name: 'everything__echo', arguments: { message: 'through' } }));
const DENIED = 'memory__delete_entities';

test('the table below is about requests that are right but for one thing', async () => {
  expect(await wire({ body: ECHO })).toContain('through');
});

describe('a denied tool is not called', () => {
  const params = (text: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${text}}`;
  test.each<[string, string, number]>([
    ['by its name', called(DENIED), 200],
    ['by escapes in its name', params('{"name":"memory__delete\\u005fentities"}'), 200],
    ['by escapes in the key', params(`{"n\\u0061me":"${DENIED}"}`), 200],
    ['by a second key', params(`{"name":"everything__echo","name":"${DENIED}"}`), 400],
    ['by a second key, escaped', params(`{"name":"everything__echo","n\\u0061me":"${DENIED}"}`), 400],
    ['by a second key in another case', params(`{"name":"everything__echo","Name":"${DENIED}"}`), 400],
    [
      'by second params',
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"everything__echo"},"PARAMS":{"name":"${DENIED}"}}`,
      400,
    ],
    [
      'by a second method',
      `{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call","params":{"name":"${DENIED}"}}`,
      400,
    ],
    ['in another case', called('memory__DELETE_ENTITIES'), 200],
    ['by more underscores', called('memory____delete_entities'), 200],
    ['with a space before it', called(` ${DENIED}`), 200],
    ['with a NUL behind it', called(`${DENIED}\0`), 200],
    ['with a character that is not seen', called('memory__\u200bdelete_entities'), 200],
    ['in wide letters', called('ｍemory__delete_entities'), 200],
    ['by way of another server', called(`everything__${DENIED}`), 200],
    ['by its own name', called('delete_entities'), 200],
    ['as a policy writes it', called('memory/delete_entities'), 200],
    ['in a batch', `[${called(DENIED)}]`, 400],
    ['as a notification', `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"${DENIED}"}}`, 202],
    ['without an id', `{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"${DENIED}"}}`, 400],
    ['behind another message', `${ECHO}\n${called(DENIED)}`, 400],
    ['behind a byte order mark', `\ufeff${called(DENIED)}`, 400],
    ['by way of a prototype', params(`{"__proto__":{"name":"${DENIED}"}}`), 200],
    ['as a task', params(`{"name":"${DENIED}","task":{"ttl":1000}}`), 200],
  ])('%s', async (_, body, status) => {
    const answer = await wire({ body });
    expect(statusOf(answer)).toBe(status);
    expect(answer).not.toContain('"result"');
  });

  test('and none of these reached its server', async () => {
    // Envoy writes its log in order, and late: what came before this call is in it when this call is.
    const args = { a: 1, b: 2 };
    await wire({ body: JSON.stringify(request(1, 'tools/call', { name: 'everything__get-sum', arguments: args })) });
    const written = (lines: string): boolean => lines.includes('"target":"get-sum"');
    const lines = await until('the access log', () => stack.log('access'), written, 30_000);
    expect(lines).not.toContain('delete_entities');
  });
});

describe('a header does not get further than its one meaning', () => {
  const other = { 'x-chancery-cluster': 'mcp.memory.2026.8.31' };
  test.each<[string, () => Headers, number]>([
    ['two sessions', () => ({ 'mcp-session-id': [session, session] }), 404],
    ['two sessions, one of them empty', () => ({ 'mcp-session-id': [' ', session] }), 404],
    ['two tokens', () => ({ authorization: [`Bearer ${token}`, `Bearer ${token}`] }), 401],
    ['a token that is named as belonging to the connection', () => ({ connection: 'close, authorization' }), 401],
    ['two types of content', () => ({ 'content-type': ['application/json', 'text/plain'] }), 415],
    ['another charset', () => ({ 'content-type': 'application/json; charset=utf-16' }), 415],
    ['a compressed body', () => ({ 'content-encoding': 'gzip' }), 415],
    ['two encodings', () => ({ 'content-encoding': ['identity', 'gzip'] }), 415],
    ['two protocol versions', () => ({ 'mcp-protocol-version': ['2025-11-25', '2024-11-05'] }), 400],
    ['an internal header with underscores', () => ({ x_chancery_cluster: 'mcp.memory.2026.8.31' }), 400],
    ['an internal header with a space behind its name', () => ({ 'x-chancery-cluster ': 'x' }), 400],
    ['another host', () => ({ host: 'evil.example' }), 403],
    ['two hosts', () => ({ host: [`127.0.0.1:${stack.ports.gateway}`, 'evil.example'] }), 403],
    ['no origin that a page could have', () => ({ origin: 'null' }), 403],
    ['two origins', () => ({ origin: [`http://127.0.0.1:${stack.ports.gateway}`, 'http://evil.example'] }), 403],
    ['an upgrade', () => ({ connection: 'Upgrade', upgrade: 'websocket' }), 403],
    ['two lengths', () => ({ 'content-length': [String(ECHO.length), '3'] }), 400],
    ['a length and chunks', () => ({ 'transfer-encoding': 'chunked' }), 400],
    ['chunks by another name', () => ({ 'content-length': '', 'transfer-encoding': 'xchunked' }), 501],
  ])('%s', async (_, headers, status) => {
    const answer = await wire({ headers: headers(), body: ECHO });
    expect(statusOf(answer)).toBe(status);
    expect(answer).not.toContain('through');
  });

  test.each(['x-chancery-cluster', 'X-CHANCERY-CLUSTER', 'x-chancery-fresh', 'x-chancery-idempotent'])(
    '%s of a client is not there',
    async (name) => {
      expect(await wire({ headers: { [name]: other['x-chancery-cluster'] }, body: ECHO })).toContain('through');
      const nowhere = await wire({ path: '/x', headers: { [name]: other['x-chancery-cluster'] }, body: ECHO });
      expect(statusOf(nowhere)).toBe(404);
    },
  );

  test('trailers name neither a cluster nor a session', async () => {
    const body = `${ECHO.length.toString(16)}\r\n${ECHO}\r\n0\r\nx-chancery-cluster: x\r\nmcp-session-id: x\r\n\r\n`;
    expect(await wire({ headers: { 'content-length': '', 'transfer-encoding': 'chunked' }, body })).toContain(
      'through',
    );
  });
});

describe('a path means one surface, or none', () => {
  test.each<[string, number]>([
    ['/mcp/', 404],
    ['/mcp;x', 404],
    ['/MCP', 404],
    ['/mcp/default', 404],
    ['/mcp/%64efault', 404],
    ['/mcp%3fx', 404],
    ['/mcp/review/..', 404],
    ['/mcp%2f', 400],
    ['/mcp/..%2fmcp', 400],
    ['/mcp%00', 400],
    ['/mcp#x', 400],
    ['\\mcp', 400],
    ['http://evil.example/mcp', 403],
    // The token is for /mcp: other spellings of the other surface are that surface.
    ['/mcp/review', 401],
    ['/mcp/%72eview', 401],
    ['//mcp//review', 401],
    ['/mcp/../mcp/review', 401],
  ])('%s: %i', async (path, status) => {
    expect(statusOf(await wire({ path, body: ECHO }))).toBe(status);
  });
});

describe('a session is of one caller on one surface', () => {
  test('and nobody else can use, end or listen to it', async () => {
    const bob = await stack.token('default', 'bob');
    for (const method of ['POST', 'DELETE', 'GET']) {
      const body = method === 'POST' ? { body: request(1, 'ping') } : {};
      expect((await raw(stack.mcp(), { method, token: bob, session, ...body })).status).toBe(404);
    }
    const review = await stack.token('review');
    expect((await raw(stack.mcp('review'), { token: review, session, body: request(1, 'ping') })).status).toBe(404);
    expect((await raw(stack.mcp(), { token, session, body: request(1, 'ping') })).status).toBe(200);
  });

  test.each<[string, (sealed: string) => string]>([
    ['another last character', (sealed) => `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`],
    [
      'another character inside',
      (sealed) => `${sealed.slice(0, 40)}${sealed[40] === 'A' ? 'B' : 'A'}${sealed.slice(41)}`,
    ],
    ['another key', (sealed) => sealed.replace(/^chs1\.[^.]+/, 'chs1.x')],
    ['padding', (sealed) => `${sealed}=`],
    ['the prefix alone', () => 'chs1.'],
  ])('%s makes it none', async (_, change) => {
    expect((await raw(stack.mcp(), { token, session: change(session), body: request(1, 'ping') })).status).toBe(404);
  });

  test.each<[string, (parts: readonly string[]) => string]>([
    ['no algorithm', ([, claims]) => `${part({ alg: 'none' })}.${claims}.`],
    ['a symmetric algorithm', ([, claims, signature]) => `${part({ alg: 'HS256' })}.${claims}.${signature}`],
    ['other claims', ([head, claims, signature]) => `${head}.${part({ ...read(claims), sub: 'root' })}.${signature}`],
    ['no signature', ([head, claims]) => `${head}.${claims}.`],
  ])('a bearer token with %s is none', async (_, change) => {
    const changed = change(token.split('.'));
    expect((await raw(stack.mcp(), { token: changed, session, body: request(1, 'ping') })).status).toBe(401);
  });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const read = (text = ''): object => JSON.parse(Buffer.from(text, 'base64url').toString()) as object;
});

test('a message that its server refuses costs the caller no session and the servers no new one', async () => {
  // Two replicas: Envoy repeats on the other one, which does not know the session.
  const body = { ...request(1, 'tools/call', { name: 'everything__echo', arguments: { message: 'x' } }), extra: 1 };
  const opened = (): number => stack.log('ext-proc').split('a backend session was opened').length;
  const before = opened();
  for (let i = 0; i < 3; i++) {
    const refused = await raw(stack.mcp(), { token, session, body });
    expect(refused.status).toBe(400);
    expect((await rpc(refused)).error).toBeDefined();
  }
  const good = await raw(stack.mcp(), { token, session, body: JSON.parse(ECHO) as object });
  expect(texts((await rpc(good)).result)).toContain('through');
  expect(opened()).toBe(before);
});
