// Decides that nothing is open that should not be: sockets, files, environments, and what a client could forge or learn.
import { readdirSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { raw, request, rpc, texts } from '../support/clients.ts';
import { environment, listening, tree } from '../support/proc.ts';
import { type Stack, startStackWithSession } from '../support/stack.ts';

const SECRET = 'a-secret-of-the-operators-shell';
let stack: Stack;
let token: string;
let session: string;
beforeAll(async () => {
  ({ stack, token, session } = await startStackWithSession({ env: { OPERATOR_SECRET: SECRET } }));
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
});

test('only three ports listen, all on loopback', () => {
  const all = tree(stack.process.pid ?? 0).flatMap(listening);
  const { gateway, api, ads } = stack.ports;
  expect(new Set(all)).toEqual(new Set([gateway, api, ads].map((port) => `127.0.0.1:${port}`)));
});

test('sockets and secrets are for their owner only', () => {
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  expect(mode(stack.home)).toBe('700');
  expect(mode(join(stack.home, 'run'))).toBe('700');
  const sockets = readdirSync(join(stack.home, 'run')).filter((name) => name.endsWith('.sock'));
  expect(sockets.length).toBeGreaterThanOrEqual(9);
  for (const name of sockets) expect(`${name} ${mode(join(stack.home, 'run', name))}`).toBe(`${name} 600`);
  for (const name of ['operator.token', 'issuer.key.json', 'master.key', 'registry.db'])
    expect(`${name} ${mode(join(stack.home, name))}`).toBe(`${name} 600`);
});

test('no process but the supervisor has the environment of the shell', async () => {
  for (const pid of tree(stack.process.pid ?? 0).slice(1)) expect(environment(pid).join('\n')).not.toContain(SECRET);
  const answer = await rpc(
    await raw(stack.mcp(), {
      token,
      session,
      body: request(1, 'tools/call', { name: 'everything__get-env', arguments: {} }),
    }),
  );
  const seen = JSON.parse(texts(answer.result)) as Record<string, string>;
  expect(
    Object.keys(seen)
      .sort()
      .filter((name) => !['HOME', 'LANG', 'PATH', 'PORT'].includes(name)),
  ).toEqual([]);
});

test('internal headers of a client are not believed', async () => {
  const forged = {
    'x-chancery-cluster': 'mcp.memory.2026.8.31',
    'x-chancery-part': 'repair',
    'x-chancery-idempotent': '1',
    'X-Chancery-Upstream-Host': '/etc/passwd',
  };
  const none = await raw(stack.mcp(), { headers: forged, body: request(1, 'ping') });
  expect(none.status).toBe(401);
  const call = { name: 'everything__echo', arguments: { message: 'through' } };
  const answer = await rpc(
    await raw(stack.mcp(), { token, session, headers: forged, body: request(2, 'tools/call', call) }),
  );
  expect(texts(answer.result)).toContain('through');
  expect(
    (await raw(`${stack.gateway}/anything`, { token, session, headers: forged, body: request(3, 'ping') })).status,
  ).toBe(404);
});

test('a backend session id and its envelope never reach a client', async () => {
  const posts = [
    request(1, 'tools/call', { name: 'everything__echo', arguments: { message: 'x' } }),
    request(2, 'tools/list'),
    request(3, 'ping'),
  ];
  for (const body of posts) {
    const response = await raw(stack.mcp(), { token, session, body });
    expect(response.headers.get('mcp-session-id')).toBeNull();
    expect(
      [...response.headers.keys()].filter((key) => /^x-(chancery|envoy|powered)|set-cookie|^via$/.test(key)),
    ).toEqual([]);
    await response.text();
  }
});

test('a web page cannot register a command: the API wants its token, its Host and no foreign Origin', async () => {
  const url = `http://127.0.0.1:${stack.ports.api}/v1/servers/evil`;
  const body = JSON.stringify({ versions: [{ version: '1', stdio: { command: 'touch', args: ['/never'] } }] });
  const put = (headers: Record<string, string>) => fetch(url, { method: 'PUT', headers, body });
  const { authorization } = { authorization: `Bearer ${await operatorToken()}` };
  expect((await put({ 'content-type': 'application/json' })).status).toBe(401);
  expect((await put({ 'content-type': 'application/json', authorization: 'Bearer wrong' })).status).toBe(401);
  expect(
    (await put({ 'content-type': 'application/json', authorization, origin: 'https://evil.example' })).status,
  ).toBe(403);
  expect((await put({ 'content-type': 'text/plain', authorization })).status).toBe(415);
  const rebound = await new Promise<number>((resolve, reject) => {
    const call = httpRequest(
      url,
      { method: 'PUT', headers: { host: 'evil.example', authorization, 'content-type': 'application/json' } },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
  expect([403, 421]).toContain(rebound);
  expect((await stack.api('GET', '/v1/servers/evil')).status).toBe(404);
});

async function operatorToken(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return (await readFile(join(stack.home, 'operator.token'), 'utf8')).trim();
}

test('no secret is in a log', async () => {
  const operator = await operatorToken();
  for (const part of ['controlplane', 'ext-proc', 'ext-authz', 'bridge', 'envoy', 'access']) {
    const log = stack.log(part);
    for (const secret of [operator, token, session]) expect(log.includes(secret), part).toBe(false);
  }
});
