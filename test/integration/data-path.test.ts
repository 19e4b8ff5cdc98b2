// Decides that Envoy and ext-proc together believe nothing that a client or a backend says of matters that are ours.
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { discoveredOf } from '../support/catalog-world.ts';
import { raw, request, rpc } from '../support/clients.ts';
import { SINCE_MS } from '../support/registry-snapshot.ts';
import { type StaticGateway, startStaticGateway } from '../support/static-gateway.ts';

interface Got {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
type Handler = (request: Got, response: ServerResponse) => void;

let backend: Server;
let gateway: StaticGateway;
let got: Got[];
let answer: Handler;
let opened = 0;
/** Sessions that the backend knows. */
const known = new Set<string>();

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};
const result: Handler = ({ body }, response) =>
  json(response, 200, { jsonrpc: '2.0', id: JSON.parse(body).id, result: { ok: true } });

/** A backend of the older kind: it speaks 2025-06-18 at most, and refuses what says that it is newer. */
const older: Handler = (request, response) => {
  const message = JSON.parse(request.body === '' ? '{}' : request.body);
  if (message.method === 'initialize') {
    const session = `s${++opened}`;
    known.add(session);
    return json(
      response,
      200,
      { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {} } },
      { 'mcp-session-id': session },
    );
  }
  if (request.headers['mcp-protocol-version'] !== '2025-06-18')
    return json(response, 400, { error: 'unsupported version' });
  if (!known.has(String(request.headers['mcp-session-id']))) return json(response, 404, { error: 'session not found' });
  if (message.id === undefined) return void response.writeHead(202).end();
  return answer(request, response);
};

beforeAll(async () => {
  backend = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const one = { method: incoming.method ?? '', headers: incoming.headers, body: Buffer.concat(chunks).toString() };
      got.push(one);
      older(one, response);
    });
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const { port } = backend.address() as { port: number };
  got = [];
  gateway = await startStaticGateway(
    [
      {
        kind: 'Server',
        name: 'memory',
        versions: [
          {
            version: '1',
            endpoints: [{ url: `http://127.0.0.1:${port}/mcp` }],
            auth: { type: 'bearer', secret: 'upstream' },
          },
        ],
      },
      { kind: 'Secret', name: 'upstream', value: 'of-the-gateway' },
      { kind: 'Surface', name: 'default', servers: [{ server: 'memory' }] },
      {
        kind: 'Server',
        name: 'elder',
        versions: [
          {
            version: '1',
            state: 'deprecated',
            sunset: '2099-01-31T00:00:00Z',
            endpoints: [{ url: `http://127.0.0.1:${port}/mcp` }],
          },
        ],
      },
      { kind: 'Surface', name: 'elder', servers: [{ server: 'elder' }] },
    ],
    {
      'memory 1': discoveredOf('memory', ['read_graph', 'delete_entities'], { protocolVersion: '2025-06-18' }),
      'elder 1': discoveredOf('elder', ['read_graph'], { protocolVersion: '2025-06-18' }),
    },
  );
});
afterAll(async () => {
  await gateway?.close();
  backend.closeAllConnections();
  await new Promise((resolve) => backend.close(resolve));
});
let session = '';
beforeEach(async () => {
  answer = result;
  if (session === '') {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
    const response = await raw(`${gateway.url}/mcp`, { token: 'alice', body: request('init', 'initialize', params) });
    expect(response.status).toBe(200);
    session = response.headers.get('mcp-session-id') ?? '';
    await response.text();
  }
  got = [];
});
const call = (headers: Record<string, string> = {}, id: number | string = 1, name = 'read_graph') =>
  raw(`${gateway.url}/mcp`, {
    token: 'alice',
    session,
    headers,
    body: request(id, 'tools/call', { name, arguments: {} }),
  });

describe('a client that names a cluster itself', () => {
  test.each(['/', '/mcp', '/anything', '/v1/surfaces/default/tools'])('reaches no backend at %s', async (path) => {
    for (const cluster of ['mcp.memory.1', 'chancery_ext_proc']) {
      const response = await raw(`${gateway.url}${path}`, {
        headers: { 'x-chancery-cluster': cluster, 'X-Chancery-Idempotent': '1' },
        body: request(1, 'tools/call', { name: 'delete_entities' }),
      });
      expect(response.status).toBeGreaterThanOrEqual(401);
      await response.text();
    }
    expect(got).toEqual([]);
  });

  test('with a good token gets no further than without the name', async () => {
    const denied = await call({ 'x-chancery-cluster': 'mcp.memory.1' }, 1, 'delete_entities');
    expect((await rpc(denied)).error?.code).toBe(-32602);
    expect(got).toEqual([]);
    expect((await rpc(await call({ 'x-chancery-cluster': 'mcp.other.1' }))).result).toEqual({ ok: true });
  });
});

describe('a call that is allowed', () => {
  test('reaches the backend with its own words, and without the client’s', async () => {
    const response = await call({
      'x-chancery-cluster': 'x',
      'mcp-method': 'tools/list',
      'mcp-name': 'delete_entities',
      'x-forwarded-for': '9.9.9.9',
      'content-type': 'application/json; charset=UTF-8; x=y',
      cookie: 'a=b',
      referer: 'http://x',
    });
    expect((await rpc(response)).result).toEqual({ ok: true });
    expect(got).toHaveLength(1);
    expect(got[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'mcp-protocol-version': '2025-06-18' });
    expect(known.has(String(got[0]?.headers['mcp-session-id']))).toBe(true);
    expect(got[0]?.headers.authorization).toBe('Bearer of-the-gateway');
    const names = Object.keys(got[0]?.headers ?? {});
    expect(
      names.filter((name) => /^x-chancery|^x-forwarded|^mcp-(method|name)$|^(cookie|origin|referer)$/.test(name)),
    ).toEqual([]);
  });

  test('is made once, however often the client asks Envoy to repeat it', async () => {
    answer = (_, response) => json(response, 500, { error: 'executed, then failed' });
    const response = await call({
      'x-envoy-retry-on': '5xx,retriable-4xx,retriable-status-codes',
      'x-envoy-max-retries': '5',
      'x-envoy-retriable-status-codes': '500',
      'x-envoy-hedge-on-per-try-timeout': 'true',
      'x-envoy-upstream-rq-per-try-timeout-ms': '1',
      'x-envoy-upstream-rq-timeout-ms': '1',
    });
    expect(response.status).toBe(500);
    expect(got).toHaveLength(1);
  });

  test('in a charset in which it says something else does not', async () => {
    const response = await call({ 'content-type': 'application/json; charset=utf-7' });
    expect(response.status).toBe(415);
    expect(got).toEqual([]);
  });

  test('is repeated in a new session when its backend lost the old one, and is still made once', async () => {
    known.clear();
    expect((await rpc(await call())).result).toEqual({ ok: true });
    expect(
      got
        .filter(({ body }) => body.includes('tools/call'))
        .map(({ headers }) => known.has(String(headers['mcp-session-id']))),
    ).toEqual([false, true]);
    expect(new Set(got.map(({ headers }) => headers.authorization)), 'also the new session was opened as us').toEqual(
      new Set(['Bearer of-the-gateway']),
    );
  });

  test('that a backend answers with 400 again and again is given up', async () => {
    answer = ({ body }, response) =>
      body.includes('"ping"')
        ? json(response, 200, { jsonrpc: '2.0', id: 'ping', result: {} })
        : json(response, 400, { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'no' } });
    const response = await call();
    expect(response.status).toBe(400);
    await response.text();
    expect(got.filter(({ body }) => body.includes('tools/call')).length).toBe(3);
  });
});

test('a deprecated version says so, in headers that a backend cannot speak over', async () => {
  const url = `${gateway.url}/mcp/elder`;
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const opened = await raw(url, { token: 'alice', body: request('init', 'initialize', params) });
  await opened.text();
  answer = ({ body }, response) =>
    json(
      response,
      200,
      { jsonrpc: '2.0', id: JSON.parse(body).id, result: {} },
      { deprecation: '@1', sunset: 'never' },
    );
  const response = await raw(url, {
    token: 'alice',
    session: opened.headers.get('mcp-session-id') ?? '',
    body: request(1, 'tools/call', { name: 'read_graph', arguments: {} }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('deprecation')).toBe(`@${SINCE_MS / 1000}`);
  expect(response.headers.get('sunset')).toBe('Sat, 31 Jan 2099 00:00:00 GMT');
  await response.text();
});

describe('what a backend says of matters that are ours does not reach the client', () => {
  test.each([
    ['an answer', 200, 200],
    ['an error of its own', 400, 400],
    ['a question for credentials', 401, 503],
    ['a redirection', 307, 503],
  ])('with %s: a challenge, a place, a cookie, another endpoint', async (_, said, shown) => {
    answer = (_body, response) =>
      json(
        response,
        said,
        {},
        {
          'www-authenticate': 'Bearer resource_metadata="http://evil.example/"',
          'proxy-authenticate': 'Basic',
          location: 'http://evil.example/',
          'set-cookie': 'a=b',
          'alt-svc': 'h3="evil.example:443"',
          'mcp-session-id': 'backend-session',
          'x-powered-by': 'x',
        },
      );
    const response = await call();
    expect(response.status).toBe(shown);
    const framing = said === shown ? 'transfer-encoding' : 'content-length';
    expect([...response.headers.keys()].sort()).toEqual(['content-type', 'date', 'server', framing].sort());
    await response.text();
  });
});

describe('what Envoy answers by itself is a JSON-RPC error', () => {
  test.each<[string, number | string]>([
    ['of a call', 7],
    ['of a call with an id in words', 'ä"\\7'],
  ])('with the id %s', async (_, id) => {
    answer = (_request, response) => void response.destroy();
    const response = await call({}, id);
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({
      jsonrpc: '2.0',
      id,
      error: { code: -32000, message: 'the server behind this tool cannot be reached' },
    });
    expect(
      got.filter(({ body }) => body.includes('tools/call')),
      'what may have been executed is not repeated',
    ).toHaveLength(1);
  });

  test('with the id beyond what JavaScript counts as it came', async () => {
    answer = (_request, response) => void response.destroy();
    const body = '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"read_graph"}}';
    const response = await raw(`${gateway.url}/mcp`, { token: 'alice', session, body });
    expect(await response.text()).toContain('"id":9007199254740993,');
  });

  test.each<[string, Record<string, string>, number]>([
    ['of a web page that is not ours', { origin: 'http://evil.example' }, 403],
    ['of a web page without an origin', { origin: 'null' }, 403],
  ])('%s, with the id null', async (_, headers, status) => {
    const response = await call(headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32000 } });
    expect(got).toEqual([]);
  });

  test('of a Host that is not ours', async () => {
    const { hostname, port } = new URL(gateway.url);
    const body = await new Promise<string>((resolve, reject) => {
      const asked = httpRequest(
        { hostname, port, path: '/mcp', method: 'POST', headers: { host: 'evil.example' } },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on('end', () => resolve(`${response.statusCode} ${text}`));
        },
      );
      asked.on('error', reject);
      asked.end('{}');
    });
    expect(body).toMatch(/^403 \{"jsonrpc":"2\.0","id":null,/);
  });
});

describe('without ext-proc', () => {
  test('every call is refused, in words that a client can read', async () => {
    await gateway.stopService();
    const response = await call();
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32000, message: 'the policy decision could not be made' },
    });
    expect(got).toEqual([]);
  });
});
