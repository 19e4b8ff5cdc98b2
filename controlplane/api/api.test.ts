import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Discovered } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { openRegistry, type Registry } from '../registry/registry.ts';
import { createApi } from './api.ts';
import { ROUTES } from './routes/routes.ts';
import { serveApi } from './serve.ts';

const log = pino({ level: 'silent' });
const operatorToken = `chop_${'a'.repeat(43)}`;
const settings = { apiHost: 'api.internal', apiPort: 8080 };
const address = { host: '127.0.0.1:8080', authorization: `Bearer ${operatorToken}` };
let folder: string;
let registry: Registry;
let app: ReturnType<typeof createApi>;
let changes: number[];
let missing: readonly string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-api-'));
  const constraints = { host: '127.0.0.1', runDir: '/run/chancery' };
  registry = await openRegistry(join(folder, 'registry.db'), { now: () => Date.UTC(2026, 0, 2), log, constraints });
  changes = [];
  missing = [];
  app = createApi({
    registry,
    settings,
    operatorToken,
    nodes: () => [
      { id: 'envoy-1', group: 'envoy', transport: 'unix', connectedSinceMs: 1, lastContactMs: 2, types: [] },
    ],
    missing: () => missing,
    onChange: (revision) => changes.push(revision),
    log,
  });
});
afterEach(async () => {
  await registry.close().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

interface Ask {
  readonly body?: unknown;
  readonly headers?: Record<string, string | undefined>;
}

async function ask(method: string, path: string, { body, headers = {} }: Ask = {}) {
  const typed = body === undefined ? {} : { 'content-type': 'application/json' };
  const all = Object.entries({ ...address, ...typed, ...headers }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const response = await app.request(`http://127.0.0.1:8080${path}`, {
    method,
    headers: all,
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return {
    status: response.status,
    type,
    headers: response.headers,
    body: type.includes('json') ? JSON.parse(answer || 'null') : answer,
  };
}

const server = (rest: object = {}) => ({
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  ...rest,
});
const none = { bare: [], full: [] };
const discovered = (...tools: string[]): Discovered => ({
  hash: 'h',
  protocolVersion: '2025-11-25',
  serverInfo: {},
  capabilities: {},
  tools: { bare: [], full: tools.map((name) => ({ name })) },
  prompts: none,
  resources: none,
  resourceTemplates: none,
});
const given = (name: string) => ({ kind: 'Server', name, ...server() });
const surface = (...names: string[]) => ({ servers: names.map((name) => ({ server: name })) });

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
      { authorization: `Bearer ${operatorToken.slice(0, -1)}` },
      401,
      'unauthenticated',
    ],
    ['nobody may with another scheme', { authorization: `Basic ${operatorToken}` }, 401, 'unauthenticated'],
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
    expect(JSON.stringify([missing.body, wrong.body])).not.toContain(operatorToken);
  });

  test('every route but the health check is closed', async () => {
    for (const { method, path } of ROUTES) {
      const at = path.replace(':name', 'a');
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
    expect((await registry.snapshot()).documents).toEqual([]);
    expect(changes).toEqual([]);
  });

  test('a preflight gets no leave', async () => {
    const headers = { origin: 'http://evil.example', 'access-control-request-method': 'PUT', authorization: undefined };
    const answer = await ask('OPTIONS', '/v1/servers/a', { headers });
    expect(answer.status).toBe(403);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('one document', () => {
  test('is created, read, replaced and deleted', async () => {
    const created = await ask('PUT', '/v1/servers/a', { body: server() });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      kind: 'Server',
      name: 'a',
      labels: {},
      status: { discovered: false, tools: 0 },
    });
    expect(created.headers.get('chancery-revision')).toBe('1');
    expect(created.headers.get('cache-control')).toBe('no-store');
    const got = await ask('GET', '/v1/servers/a');
    expect(got.body).toEqual(created.body);
    expect(got.headers.get('etag')).toBe(created.headers.get('etag'));
    expect((await ask('PUT', '/v1/servers/a', { body: server({ description: 'new' }) })).status).toBe(200);
    const deleted = await ask('DELETE', '/v1/servers/a');
    expect([deleted.status, deleted.body, deleted.headers.get('chancery-revision')]).toEqual([204, '', '3']);
    expect((await ask('GET', '/v1/servers/a')).body).toMatchObject({ status: 404, detail: 'no Server is named "a"' });
    expect((await ask('DELETE', '/v1/servers/a')).status).toBe(404);
    expect(changes).toEqual([1, 2, 3]);
  });

  test('that was got can be put back, whatever its status', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    await registry.saveDiscovery('a', '1', {
      ok: true,
      discovered: discovered('x'),
    });
    await registry.saveDiscovery('a', '1', { ok: false, error: 'down' });
    const { body } = await ask('GET', '/v1/servers/a');
    const at = '2026-01-02T00:00:00.000Z';
    expect(body.status).toEqual({ discovered: true, tools: 1, readAt: at, error: 'down', errorAt: at });
    expect((await ask('PUT', '/v1/servers/a', { body })).status).toBe(200);
    expect((await ask('POST', '/v1/apply', { body: { documents: [body] } })).body.changes).toEqual([
      { kind: 'Server', name: 'a', change: 'unchanged' },
    ]);
    expect(changes).toEqual([1]);
  });

  test.each([
    ['another kind', '/v1/servers/a', { kind: 'Surface' }, 'kind', 'the address says "Server", found "Surface"'],
    ['another name', '/v1/servers/a', { name: 'b' }, 'name', 'the address says "a", found "b"'],
    ['a bad name', '/v1/servers/A_b', {}, 'name', 'a name is lower-case'],
    ['a status that is none', '/v1/servers/a', { status: 'up' }, 'status', 'unknown member "status"'],
    ['an unknown member', '/v1/servers/a', { colour: 'red' }, 'colour', 'unknown member "colour"'],
  ])('is refused with %s', async (_, path, rest, at, message) => {
    const answer = await ask('PUT', path, { body: server(rest) });
    expect(answer).toMatchObject({
      status: 422,
      type: 'application/problem+json',
      body: { code: 'invalid_documents' },
    });
    expect(answer.body.problems).toEqual([{ document: 0, path: [at], message: expect.stringContaining(message) }]);
  });

  test('of another kind has no status to ignore', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    const answer = await ask('PUT', '/v1/surfaces/s', { body: { ...surface('a'), status: {} } });
    expect(answer.body.problems).toMatchObject([{ path: ['status'] }]);
  });

  test('that others need is not deleted', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    await ask('PUT', '/v1/surfaces/s', { body: surface('a') });
    expect(await ask('DELETE', '/v1/servers/a')).toMatchObject({
      status: 409,
      body: {
        code: 'still_in_use',
        problems: [{ document: 0, path: [], message: expect.stringContaining('named by surface "s"') }],
      },
    });
    expect((await ask('GET', '/v1/servers/a')).status).toBe(200);
  });
});

describe('a precondition', () => {
  const wrong = '"0000"';
  const cases: [string, boolean, string, (etag: string) => Record<string, string>, number][] = [
    ['that names the document lets it be replaced', true, 'PUT', (etag) => ({ 'if-match': etag }), 200],
    ['that names it among others does too', true, 'PUT', (etag) => ({ 'if-match': `${wrong}, ${etag}` }), 200],
    ['that names any document does too', true, 'PUT', () => ({ 'if-match': '*' }), 200],
    ['that names another document does not', true, 'PUT', () => ({ 'if-match': wrong }), 412],
    ['that names it weakly does not', true, 'PUT', (etag) => ({ 'if-match': `W/${etag}` }), 412],
    ['that names any document lets none be created', false, 'PUT', () => ({ 'if-match': '*' }), 412],
    ['that there is none lets it be created', false, 'PUT', () => ({ 'if-none-match': '*' }), 201],
    ['that there is none lets none be replaced', true, 'PUT', () => ({ 'if-none-match': '*' }), 412],
    ['that names the document lets it be deleted', true, 'DELETE', (etag) => ({ 'if-match': etag }), 204],
    ['that names another document lets it not be deleted', true, 'DELETE', () => ({ 'if-match': wrong }), 412],
  ];
  test.each(cases)('%s', async (_, there, method, headersFor, status) => {
    const etag = there ? ((await ask('PUT', '/v1/servers/a', { body: server() })).headers.get('etag') ?? '') : '';
    const body = method === 'PUT' ? { body: server({ description: 'new' }) } : {};
    const answer = await ask(method, '/v1/servers/a', { ...body, headers: headersFor(etag) });
    expect(answer.status).toBe(status);
    if (status === 412) expect(answer.body.code).toBe('precondition_failed');
  });
});

describe('many documents', () => {
  test('are written together, in any order', async () => {
    const documents = [{ kind: 'Surface', name: 's', ...surface('a', 'b') }, given('a'), given('b')];
    const answer = await ask('POST', '/v1/apply', { body: { documents } });
    expect(answer).toMatchObject({
      status: 200,
      body: { revision: 1, changes: documents.map(({ kind, name }) => ({ kind, name, change: 'created' })) },
    });
    expect(changes).toEqual([1]);
    expect((await ask('GET', '/v1/servers')).body).toMatchObject({
      revision: 1,
      items: [{ name: 'a', status: {} }, { name: 'b' }],
    });
    expect((await ask('GET', '/v1/surfaces')).body.items).toMatchObject([{ name: 's', auth: 'token' }]);
    expect((await ask('GET', '/v1/policies')).body.items).toEqual([]);
  });

  test('replace and delete together', async () => {
    await ask('POST', '/v1/apply', {
      body: { documents: [given('a'), given('b'), { kind: 'Surface', name: 's', ...surface('a') }] },
    });
    const body = {
      documents: [{ kind: 'Surface', name: 's', ...surface('b') }],
      deletes: [{ kind: 'Server', name: 'a' }],
    };
    expect((await ask('POST', '/v1/apply', { body })).body.changes).toEqual([
      { kind: 'Surface', name: 's', change: 'updated' },
      { kind: 'Server', name: 'a', change: 'deleted' },
    ]);
  });

  test('with any problem are not written, and all problems are told', async () => {
    const body = {
      documents: [
        given('a'),
        { kind: 'Server', name: 'b' },
        7,
        { kind: 'Surface', name: 's', ...surface('c') },
        given('a'),
      ],
    };
    const answer = await ask('POST', '/v1/apply', { body });
    expect(answer.status).toBe(422);
    expect(
      answer.body.problems.map((problem: { document: number; path: unknown[] }) => [problem.document, ...problem.path]),
    ).toEqual([
      [1, 'versions'],
      [2, 'kind'],
      [3, 'servers', 0, 'server'],
      [4, 'name'],
    ]);
    expect((await registry.snapshot()).revision).toBe(0);
    expect(changes).toEqual([]);
  });

  test('that are there already change nothing', async () => {
    await ask('POST', '/v1/apply', { body: { documents: [given('a')] } });
    expect((await ask('POST', '/v1/apply', { body: { documents: [given('a')] } })).body).toMatchObject({
      revision: 1,
      changes: [{ change: 'unchanged' }],
    });
    expect(changes).toEqual([1]);
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
    await registry.close();
    expect(await ask('GET', '/v1/servers')).toMatchObject({ status: 500, body: { code: 'internal' } });
  });
});

describe('the status', () => {
  test('names each server, and is ready when all are read and served', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    expect((await ask('GET', '/v1/status')).body).toEqual({
      revision: 1,
      ready: false,
      missing: [],
      servers: [{ name: 'a', version: '1', discovered: false, tools: 0 }],
    });
    await registry.saveDiscovery('a', '1', {
      ok: true,
      discovered: discovered(),
    });
    expect((await ask('GET', '/v1/status')).body).toMatchObject({
      revision: 2,
      ready: true,
      servers: [{ discovered: true }],
    });
    missing = ['envoy is not connected'];
    expect((await ask('GET', '/v1/status')).body).toMatchObject({ ready: false, missing });
  });

  test('of the nodes is what the hub says', async () => {
    expect((await ask('GET', '/v1/nodes')).body).toMatchObject({ items: [{ id: 'envoy-1', group: 'envoy' }] });
  });

  test('is headed like it is got', async () => {
    const answer = await ask('HEAD', '/v1/status');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
  });
});

describe('on a real socket', () => {
  const at = { apiHost: '127.0.0.1', apiPort: 0 };
  const serve = async () => {
    const real = createApi({
      registry,
      settings: at,
      operatorToken,
      nodes: () => [],
      missing: () => [],
      onChange: () => {},
      log,
    });
    const served = await serveApi(real, '127.0.0.1', 0);
    at.apiPort = served.port;
    return served;
  };

  test('a document goes in and comes out', async () => {
    const served = await serve();
    const url = `http://127.0.0.1:${served.port}/v1/servers/a`;
    const headers = { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' };
    expect((await fetch(url, { method: 'PUT', headers, body: JSON.stringify(server()) })).status).toBe(201);
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ name: 'a' });
    await served.close();
  });

  test('a body that is too large is refused before it is all there', async () => {
    const served = await serve();
    const headers = {
      host: `127.0.0.1:${served.port}`,
      authorization: `Bearer ${operatorToken}`,
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
    const served = await serve();
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
    const served = await serve();
    await expect(serveApi(app, '127.0.0.1', served.port)).rejects.toThrow(
      `the REST API cannot listen on 127.0.0.1:${served.port}: the port is taken; choose another with --api-port or CHANCERY_API_PORT`,
    );
    await served.close();
  });
});
