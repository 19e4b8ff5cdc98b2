import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type ApiWorld, type Ask, OPERATOR_TOKEN, openApiWorld } from '../../test/support/api-world.ts';
import { ROUTES } from './routes/routes.ts';
import { serveApi } from './serve.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const ask = (method: string, path: string, request?: Ask) => world.ask(method, path, request);
const server = (rest: object = {}) => ({
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  ...rest,
});

describe('who may call', () => {
  const cases: [string, Record<string, string | undefined>, number, string | null][] = [
    ['an operator may', {}, 200, null],
    ['an operator may by the name localhost', { host: 'localhost:8080' }, 200, null],
    ['an operator may by the IPv6 loopback', { host: '[::1]:8080' }, 200, null],
    ['an operator may by the configured host', { host: 'API.internal:8080' }, 200, null],
    ['its own origin may', { origin: 'http://127.0.0.1:8080' }, 200, null],
    ['a navigation without a site may', { 'sec-fetch-site': 'none' }, 200, null],
    ['nobody may without a token', { authorization: undefined }, 401, 'unauthenticated'],
    ['nobody may with another token', { authorization: `Bearer chop_${'b'.repeat(43)}` }, 401, 'unauthenticated'],
    [
      'nobody may with the beginning of the token',
      { authorization: `Bearer ${OPERATOR_TOKEN.slice(0, -1)}` },
      401,
      'unauthenticated',
    ],
    ['nobody may with another scheme', { authorization: `Basic ${OPERATOR_TOKEN}` }, 401, 'unauthenticated'],
    ['a rebound name may not', { host: 'evil.example:8080' }, 421, 'bad_host'],
    ['another port may not', { host: '127.0.0.1:8081' }, 421, 'bad_host'],
    ['a host without its port may not', { host: '127.0.0.1' }, 421, 'bad_host'],
    ['nobody may without a host', { host: undefined }, 421, 'bad_host'],
    ['another origin may not', { origin: 'http://evil.example' }, 403, 'bad_origin'],
    ['another loopback origin may not', { origin: 'http://localhost:8080' }, 403, 'bad_origin'],
    ['a page without an origin may not', { origin: 'null' }, 403, 'bad_origin'],
    ['a cross-site request without an origin may not', { 'sec-fetch-site': 'cross-site' }, 403, 'bad_origin'],
  ];
  test.each(cases)('%s', async (_, headers, status, code) => {
    const answer = await ask('GET', '/v1/servers', { headers });
    expect(answer.status).toBe(status);
    if (code === null) return;
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status, code, title: expect.any(String) });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('a challenge says whether a token was wrong, and nothing of the right one', async () => {
    const missing = await ask('GET', '/v1/servers', { headers: { authorization: undefined } });
    const wrong = await ask('GET', '/v1/servers', { headers: { authorization: 'Bearer wrong' } });
    expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="chancery"');
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="chancery", error="invalid_token"');
    expect(JSON.stringify([missing.body, wrong.body])).not.toContain(OPERATOR_TOKEN);
  });

  test('every route but the health check is closed', async () => {
    for (const { method, path } of ROUTES) {
      const at = path.replace(/:[a-zA-Z]+/g, 'a');
      const { status } = await ask(method, at, { headers: { authorization: undefined } });
      expect([at, status]).toEqual([at, at === '/healthz' ? 200 : 401]);
      if (at !== '/healthz') expect((await ask(method, at, { headers: { host: 'evil.example' } })).status).toBe(421);
    }
  });
});

describe('what a web page could send is refused, and nothing is written', () => {
  const body = JSON.stringify({
    documents: [{ kind: 'Server', name: 'evil', versions: [{ version: '1', stdio: { command: 'sh' } }] }],
  });
  test.each([
    ['text from another origin', { origin: 'http://evil.example', 'content-type': 'text/plain' }, 403],
    ['text', { 'content-type': 'text/plain;charset=UTF-8' }, 415],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['nothing that says what it is', { 'content-type': undefined }, 415],
    ['a name that only begins like JSON', { 'content-type': 'application/json-patch+json' }, 415],
    ['a packed body', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415],
  ])('%s', async (_, headers, status) => {
    const answer = await ask('POST', '/v1/apply', { body, headers });
    expect(answer.status).toBe(status);
    expect(world.registry.snapshot().documents).toEqual([]);
    expect(world.published).toEqual([]);
  });

  test('a preflight gets no leave', async () => {
    const headers = { origin: 'http://evil.example', 'access-control-request-method': 'PUT', authorization: undefined };
    const answer = await ask('OPTIONS', '/v1/servers/a', { headers });
    expect(answer.status).toBe(403);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('a bad request', () => {
  const cases: [string, string, string, Ask, number, string][] = [
    ['for an address that is not there', 'GET', '/v1/nothing', {}, 404, 'not_found'],
    ['for a collection with a method it has not', 'POST', '/v1/servers', { body: {} }, 405, 'method_not_allowed'],
    ['for a document with a method it has not', 'PATCH', '/v1/servers/a', { body: {} }, 405, 'method_not_allowed'],
    ['with a cut body', 'PUT', '/v1/servers/a', { body: '{"versions":' }, 400, 'invalid_json'],
    ['with no body', 'PUT', '/v1/servers/a', { headers: { 'content-type': 'application/json' } }, 400, 'invalid_json'],
    ['with a list for a document', 'PUT', '/v1/servers/a', { body: [] }, 400, 'invalid_request'],
    ['with null for a document', 'PUT', '/v1/servers/a', { body: 'null' }, 400, 'invalid_request'],
    ['with documents that are no list', 'POST', '/v1/apply', { body: { documents: {} } }, 400, 'invalid_request'],
    [
      'with an unknown member beside the documents',
      'POST',
      '/v1/apply',
      { body: { documents: [], force: true } },
      400,
      'invalid_request',
    ],
    [
      'with more than the limit',
      'POST',
      '/v1/apply',
      { body: JSON.stringify('x'.repeat(LIMITS.apiBodyBytesMax)) },
      413,
      'body_too_large',
    ],
  ];
  test.each(cases)('%s', async (_, method, path, request, status, code) => {
    const answer = await ask(method, path, request);
    expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { status, code } });
  });

  test('with a wrong method is told the right ones', async () => {
    expect((await ask('PATCH', '/v1/servers/a')).headers.get('allow')).toBe('GET, PUT, DELETE, HEAD');
  });

  test('of a registry that is gone is not the fault of the caller', async () => {
    await world.registry.close();
    expect(await ask('PUT', '/v1/servers/a', { body: server() })).toMatchObject({
      status: 500,
      body: { code: 'internal' },
    });
  });
});

describe('on a real socket', () => {
  test('a document goes in and comes out', async () => {
    const served = await world.serve();
    const url = `http://127.0.0.1:${served.port}/v1/servers/a`;
    const headers = { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' };
    expect((await fetch(url, { method: 'PUT', headers, body: JSON.stringify(server()) })).status).toBe(201);
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ name: 'a' });
    await served.close();
  });

  test('a body that is too large is refused before it is all there', async () => {
    const served = await world.serve();
    const headers = {
      host: `127.0.0.1:${served.port}`,
      authorization: `Bearer ${OPERATOR_TOKEN}`,
      'content-type': 'application/json',
    };
    const call = httpRequest({ host: '127.0.0.1', port: served.port, path: '/v1/apply', method: 'POST', headers });
    call.on('error', () => {});
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    // Never ended: the answer comes although more could follow.
    call.write('['.repeat(LIMITS.apiBodyBytesMax + 1));
    const [response] = await answered;
    expect([response.statusCode, response.headers['content-type']]).toEqual([413, 'application/problem+json']);
    call.destroy();
    await served.close();
  });

  test('a Host header that is none is refused', async () => {
    const served = await world.serve();
    const socket = connect(served.port, '127.0.0.1');
    socket.write('GET /v1/status HTTP/1.1\r\nHost: a b\\c@d\r\nConnection: close\r\n\r\n');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await once(socket, 'end');
    expect(text).toMatch(/^HTTP\/1\.1 421 /);
    expect(text).toContain('bad_host');
    await served.close();
  });

  test('a taken port is named, with the setting that changes it', async () => {
    const served = await world.serve();
    await expect(serveApi(world.app, '127.0.0.1', served.port)).rejects.toThrow(
      `the REST API cannot listen on 127.0.0.1:${served.port}: the port is taken; choose another with --api-port or CHANCERY_API_PORT`,
    );
    await served.close();
  });
});
