// Decides that whatever a client sends is answered with the status and the error that the specifications want.
import { type ClientRequest, request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RawRequest, raw, request } from '../support/clients.ts';
import { type Stack, startStackWithSession } from '../support/stack.ts';

let stack: Stack;
let token: string;
let session: string;
beforeAll(async () => {
  ({ stack, token, session } = await startStackWithSession({ env: { CHANCERY_BODY_BYTES_MAX: '65536' } }));
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
});

interface Row {
  readonly name: string;
  readonly send: Omit<RawRequest, 'token' | 'session'> & { readonly noToken?: true; readonly session?: string };
  readonly status: number;
  readonly code?: number;
  readonly id?: unknown;
}

const ping = request(1, 'ping');
const ROWS: readonly Row[] = [
  { name: 'a ping', send: { body: ping }, status: 200 },
  { name: 'malformed JSON', send: { body: '{"jsonrpc":' }, status: 400, code: -32700, id: null },
  {
    name: 'an empty body',
    send: { body: '', headers: { 'content-type': 'application/json' } },
    status: 400,
    code: -32700,
    id: null,
  },
  { name: 'a byte order mark', send: { body: `\ufeff${JSON.stringify(ping)}` }, status: 400, code: -32700, id: null },
  { name: 'invalid UTF-8', send: { body: Buffer.from([0x22, 0xff, 0x22]) }, status: 400, code: -32700, id: null },
  { name: 'JSON that is not JSON-RPC', send: { body: { hello: 1 } }, status: 400, code: -32600, id: null },
  { name: 'JSON-RPC 1.0', send: { body: { id: 1, method: 'ping' } }, status: 400, code: -32600, id: 1 },
  { name: 'a number', send: { body: '7' }, status: 400, code: -32600, id: null },
  { name: 'a batch', send: { body: [ping] }, status: 400, code: -32600, id: null },
  {
    name: 'a repeated key',
    send: { body: '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}' },
    status: 400,
    code: -32600,
  },
  {
    name: 'a repeated key, escaped',
    send: { body: '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"x"}' },
    status: 400,
    code: -32600,
  },
  { name: 'a null id', send: { body: { jsonrpc: '2.0', id: null, method: 'ping' } }, status: 400, code: -32600 },
  {
    name: 'params that are an array',
    send: { body: { jsonrpc: '2.0', id: 5, method: 'ping', params: [] } },
    status: 400,
    code: -32600,
    id: 5,
  },
  { name: 'an unknown method', send: { body: request('m', 'tools/destroy') }, status: 200, code: -32601, id: 'm' },
  {
    name: 'a method of another kind',
    send: { body: request(3, 'notifications/initialized') },
    status: 200,
    code: -32601,
    id: 3,
  },
  {
    name: 'a tools/call without a name',
    send: { body: request(4, 'tools/call', {}) },
    status: 200,
    code: -32602,
    id: 4,
  },
  {
    name: 'an unknown tool',
    send: { body: request(9, 'tools/call', { name: 'memory__nothing' }) },
    status: 200,
    code: -32602,
    id: 9,
  },
  {
    name: 'an unknown resource',
    send: { body: request(9, 'resources/read', { uri: 'no://where' }) },
    status: 200,
    code: -32002,
    id: 9,
  },
  {
    name: 'a cursor of nobody',
    send: { body: request(9, 'tools/list', { cursor: 'x' }) },
    status: 200,
    code: -32602,
    id: 9,
  },
  { name: 'an unknown notification', send: { body: { jsonrpc: '2.0', method: 'notifications/what' } }, status: 202 },
  { name: 'an answer to nothing', send: { body: { jsonrpc: '2.0', id: 1, result: {} } }, status: 202 },
  {
    name: 'Accept without event-stream',
    send: { body: ping, headers: { accept: 'application/json' } },
    status: 406,
    code: -32000,
  },
  { name: 'Accept */*', send: { body: ping, headers: { accept: '*/*' } }, status: 406, code: -32000 },
  {
    name: 'Accept that refuses by q=0',
    send: { body: ping, headers: { accept: 'application/json, text/event-stream;q=0' } },
    status: 406,
    code: -32000,
  },
  {
    name: 'another Content-Type',
    send: { body: ping, headers: { 'content-type': 'text/plain' } },
    status: 415,
    code: -32000,
  },
  {
    name: 'a Content-Encoding',
    send: { body: ping, headers: { 'content-encoding': 'gzip' } },
    status: 415,
    code: -32000,
  },
  {
    name: 'a body over the limit',
    send: { body: JSON.stringify(request(1, 'ping', { pad: 'x'.repeat(70_000) })) },
    status: 413,
    code: -32600,
  },
  {
    name: 'a body at the limit',
    send: { body: JSON.stringify(request(1, 'ping', { pad: 'x'.repeat(65_000) })) },
    status: 200,
  },
  {
    name: 'a protocol version that nobody speaks',
    send: { body: ping, headers: { 'mcp-protocol-version': '1999-01-01' } },
    status: 400,
    code: -32000,
  },
  { name: 'no session', send: { body: ping, session: '' }, status: 400, code: -32000 },
  { name: 'an unknown session', send: { body: ping, session: 'nobody' }, status: 404, code: -32001 },
  {
    name: 'an initialize in a session',
    send: { body: request(1, 'initialize', { protocolVersion: '2025-11-25' }) },
    status: 400,
    code: -32600,
  },
  {
    name: 'an initialize without version',
    send: { body: request(1, 'initialize', {}), session: '' },
    status: 200,
    code: -32602,
  },
  { name: 'PUT', send: { method: 'PUT', body: ping }, status: 405, code: -32000 },
  { name: 'OPTIONS', send: { method: 'OPTIONS' }, status: 405, code: -32000 },
  {
    name: 'a GET that wants JSON',
    send: { method: 'GET', headers: { accept: 'application/json' } },
    status: 406,
    code: -32000,
  },
  { name: 'a GET without session', send: { method: 'GET', session: '' }, status: 400, code: -32000 },
  { name: 'a DELETE without session', send: { method: 'DELETE', session: '' }, status: 400, code: -32000 },
  { name: 'no token', send: { body: ping, noToken: true }, status: 401, code: -32000 },
  {
    name: 'a token that is none',
    send: { body: ping, noToken: true, headers: { authorization: 'Bearer x.y.z' } },
    status: 401,
    code: -32000,
  },
  {
    name: 'Basic credentials',
    send: { body: ping, noToken: true, headers: { authorization: 'Basic eDp5' } },
    status: 401,
    code: -32000,
  },
  {
    name: 'an Origin of another page',
    send: { body: ping, headers: { origin: 'https://evil.example' } },
    status: 403,
    code: -32000,
  },
  { name: 'an Origin null', send: { body: ping, headers: { origin: 'null' } }, status: 403, code: -32000 },
];

describe('each gets the status and the error of the specification', () => {
  for (const { name, send, status, code, id } of ROWS) {
    test(name, async () => {
      const { noToken, session: named, ...rest } = send;
      const used = named ?? session;
      const response = await raw(stack.mcp(), {
        ...rest,
        ...(noToken ? {} : { token }),
        ...(used === '' ? {} : { session: used }),
      });
      const text = await response.text();
      expect({ status: response.status, text }).toMatchObject({ status });
      if (code === undefined) return;
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', error: { code }, ...(id === undefined ? {} : { id }) });
    });
  }
});

test('unknown surfaces and paths are 404; a surface keeps to its exact path', async () => {
  for (const path of ['/mcp/nothing', '/mcp/', '/mcp/default', '/MCP', '/', '/v1/servers', '/mcp/../mcp/nothing']) {
    expect((await raw(`${stack.gateway}${path}`, { token, session, body: ping })).status, path).toBe(404);
  }
  expect((await raw(`${stack.gateway}/%2e%2e%2fmcp`, { token, session, body: ping })).status).toBe(400);
});

/** One POST by node:http, where `send` writes the body: fetch sets Host by itself, and sends a body at once. */
function post(more: Readonly<Record<string, string>>, send: (call: ClientRequest) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...more,
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-session-id': session,
    };
    const call = httpRequest(stack.mcp(), { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    send(call);
  });
}
const withHost = (host: string): Promise<number> => post({ host }, (call) => call.end(JSON.stringify(ping)));

test('a Host that is none of ours is refused', async () => {
  expect(await withHost(`127.0.0.1:${stack.ports.gateway}`)).toBe(200);
  expect(await withHost(`localhost:${stack.ports.gateway}`)).toBe(200);
  for (const host of ['evil.example', `evil.example:${stack.ports.gateway}`, '127.0.0.1:1', '169.254.169.254'])
    expect(await withHost(host), host).toBe(403);
});

test('a body that comes byte by byte is one body', async () => {
  const bytes = Buffer.from(JSON.stringify(request('slow', 'ping')));
  const status = await post({}, (call) => {
    const next = (at: number): void => {
      if (at === bytes.length) call.end();
      else call.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
    };
    next(0);
  });
  expect(status).toBe(200);
});
