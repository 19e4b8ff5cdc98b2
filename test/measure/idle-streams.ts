// Decides what an open session with an idle GET stream costs ext-proc: `idle-streams.ts [SESSIONS]` prints bytes of memory for each.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const PER_CONNECTION = 500;
/** All to one backend, with HTTP/1.1 a connection for each: what listens has limits of its own there (LIMITS.backendStreamsMax). */
const PER_SERVER = 20_000;
const WIDTH = 32;
const DESCRIPTORS_BESIDE = 500;
/** What one session may cost ext-proc. */
const BYTES_EACH_MAX = 40 * 1024;
const [count = '10000'] = process.argv.slice(2);
const sessions = Number(count);
// Each stream is a connection of Envoy's to the backend, which is in this process.
const descriptors = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
if (descriptors < sessions + DESCRIPTORS_BESIDE)
  throw new Error(
    `${sessions} streams need ${sessions + DESCRIPTORS_BESIDE} open files; ulimit -n says ${descriptors}`,
  );
const INITIALIZED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: { listChanged: true } },
  serverInfo: { name: 'idle', version: '1' },
};

let listening = 0;
const backend = createServer((request, response) => {
  if (request.method === 'GET') {
    listening++;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    return;
  }
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => {
    const message = body === '' ? {} : (JSON.parse(body) as { id?: unknown; method?: string });
    if (message.id === undefined) return response.writeHead(202).end();
    const result =
      message.method === 'initialize' ? INITIALIZED : { tools: [{ name: 'a', inputSchema: { type: 'object' } }] };
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': randomUUID() });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  });
});
await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/mcp`;

const stack = await startStack({ example: '' });
const put = async (path: string, body: object): Promise<void> => {
  const answer = await stack.api('PUT', path, body);
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
};
const surfaces = Array.from({ length: Math.ceil(sessions / PER_SERVER) }, (_, index) => `s${index}`);
await put('/v1/policies/everything', { version: 'tbac/v1', rules: [{ id: 'all', effect: 'allow', tools: ['*'] }] });
const tokens = new Map<string, string>();
for (const name of surfaces) {
  await put(`/v1/servers/${name}`, { versions: [{ version: '1', endpoints: [{ url }] }] });
  await put(`/v1/surfaces/${name}`, { servers: [{ server: name }] });
  const token = await stack.token(name);
  tokens.set(name, token);
  await until(
    `${name} is served`,
    async () => {
      const answer = await fetch(`${stack.gateway}/v1/surfaces/${name}/tools`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return answer.status === 200 && (await answer.text()).includes('"a"');
    },
    (served) => served,
  );
}

const connections: http2.ClientHttp2Session[] = [];
const connectionFor = (index: number): http2.ClientHttp2Session => {
  const at = Math.floor(index / PER_CONNECTION);
  connections[at] ??= http2.connect(stack.gateway);
  return connections[at];
};
const send = (
  index: number,
  method: string,
  headers: Record<string, string>,
  body?: object,
): Promise<http2.IncomingHttpHeaders> =>
  new Promise((resolve, reject) => {
    const surface = surfaces[Math.floor(index / PER_SERVER)]!;
    const stream = connectionFor(index).request({
      ':method': method,
      ':path': `/mcp/${surface}`,
      authorization: `Bearer ${tokens.get(surface)}`,
      ...headers,
    });
    stream.on('response', (answer) => {
      stream.resume();
      if (method === 'GET') return resolve(answer);
      stream.on('end', () => resolve(answer));
    });
    stream.on('error', reject);
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
const rssBytes = (part: string): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${stack.pid(part)}/status`, 'utf8'))?.[1] ?? 0) * 1024;
const open = async (index: number): Promise<void> => {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'idle', version: '1' } };
  const opened = await send(
    index,
    'POST',
    { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    { jsonrpc: '2.0', id: 1, method: 'initialize', params },
  );
  const session = opened['mcp-session-id'];
  if (typeof session !== 'string') throw new Error(`initialize: ${opened[':status']}`);
  const stream = await send(index, 'GET', { accept: 'text/event-stream', 'mcp-session-id': session });
  if (Number(stream[':status']) !== 200) throw new Error(`GET: ${stream[':status']}`);
};

try {
  const indexes = Array.from({ length: sessions }, (_, index) => index);
  let next = 0;
  const before = { listening, extProc: rssBytes('ext-proc'), envoy: rssBytes('envoy') };
  await Promise.all(
    Array.from({ length: WIDTH }, async () => {
      for (let index = next++; index < indexes.length; index = next++) await open(index);
    }),
  );
  await pause(5_000);
  const each = (part: string, was: number): number => Math.round((rssBytes(part) - was) / sessions);
  const extProcBytesEach = each('ext-proc', before.extProc);
  console.log(
    JSON.stringify({
      sessions,
      listening: listening - before.listening,
      extProcBytesBefore: before.extProc,
      extProcBytesEach,
      envoyBytesEach: each('envoy', before.envoy),
    }),
  );
  if (extProcBytesEach > BYTES_EACH_MAX) process.exitCode = 1;
} finally {
  for (const connection of connections) connection.destroy();
  await stack.stop();
  stack.remove();
  backend.closeAllConnections();
  backend.close();
}
