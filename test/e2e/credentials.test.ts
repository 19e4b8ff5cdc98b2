// Decides that secrets reach the servers that need them and nobody else, and that keys and roles hold, through the real Envoy.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const FIRST = 'first-value-of-the-upstream-secret';
const SECOND = 'second-value-of-the-upstream-secret';
const CHILD = 'value-for-the-environment-of-a-child';

let stack: Stack;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer('guarded');
  stack = await startStack();
});
afterAll(async () => {
  await server?.close();
  await stack?.stop();
  stack?.remove();
});

const put = (path: string, body: object): Promise<Response> => stack.api('PUT', path, body);

/** As somebody else than the operator. */
function as(key: string, method: string, path: string, body?: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${stack.ports.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function newKey(body: object): Promise<{ key: string; id: string }> {
  const response = await stack.api('POST', '/v1/keys', body);
  expect(response.status).toBe(201);
  return (await response.json()) as { key: string; id: string };
}

async function greet(bearer: string, session: string): Promise<string> {
  const answer = await rpc(
    await raw(stack.mcp('guarded'), {
      token: bearer,
      session,
      body: request(1, 'tools/call', { name: 'greet', arguments: { who: 'you' } }),
    }),
  );
  return texts(answer.result ?? {});
}

function envoyDump(): Promise<string> {
  const socketPath = join(stack.home, 'run', 'envoy-admin.sock');
  return new Promise((resolve, reject) => {
    httpRequest({ socketPath, path: '/config_dump?include_eds' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

describe('a secret', () => {
  test('is put in on the way to the server, and a new value needs no restart', async () => {
    expect((await put('/v1/secrets/upstream', { value: FIRST })).status).toBe(201);
    const versions = [{ version: '1', endpoints: [{ url: server.url }], auth: { type: 'bearer', secret: 'upstream' } }];
    expect((await put('/v1/servers/guarded', { versions })).status).toBe(201);
    expect((await put('/v1/surfaces/guarded', { servers: [{ server: 'guarded' }] })).status).toBe(201);
    const token = await stack.token('guarded');
    const session = await until(
      'the surface is served',
      () => openSession(stack.mcp('guarded'), token).catch(() => ''),
      (found) => found !== '',
    );
    await until(
      'the server is called',
      () => greet(token, session),
      (text) => text === 'guarded greets you',
    );
    expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${FIRST}`]));

    expect((await put('/v1/secrets/upstream', { value: SECOND })).status).toBe(200);
    await until(
      'the new value is used',
      async () => {
        await greet(token, session);
        return server.requests.at(-1)?.headers.authorization;
      },
      (value) => value === `Bearer ${SECOND}`,
    );
  });

  test('reaches a child of the bridge in its environment', async () => {
    expect((await put('/v1/secrets/child', { value: CHILD })).status).toBe(201);
    const stdio = {
      command: 'node',
      args: ['node_modules/@modelcontextprotocol/server-everything/dist/index.js', 'stdio'],
      env: { CHILD_TOKEN: { secret: 'child' } },
    };
    expect((await put('/v1/servers/child', { versions: [{ version: '1', stdio }] })).status).toBe(201);
    expect((await put('/v1/surfaces/child', { servers: [{ server: 'child' }] })).status).toBe(201);
    const token = await stack.token('child');
    const env = await until(
      'the child tells its environment',
      async () => {
        const session = await openSession(stack.mcp('child'), token).catch(() => '');
        const body = request(1, 'tools/call', { name: 'get-env', arguments: {} });
        const answer = await rpc(await raw(stack.mcp('child'), { token, session, body })).catch(() => null);
        return texts(answer?.result ?? {});
      },
      (text) => text.includes('CHILD_TOKEN'),
    );
    expect(env).toContain(CHILD);
  });

  test('is in no answer of the API, no log, no file in the clear, and not in what Envoy tells of itself', async () => {
    const paths = [
      '/v1/secrets',
      '/v1/secrets/upstream',
      '/v1/secrets/upstream/history',
      '/v1/servers/guarded',
      '/v1/servers/guarded/history',
      '/v1/export',
      '/v1/log',
      '/v1/nodes',
      '/v1/status',
      '/openapi.json',
    ];
    for (const path of paths) {
      const response = await stack.api('GET', path);
      expect(`${path} ${response.status}`).toBe(`${path} 200`);
      const text = await response.text();
      for (const secret of [FIRST, SECOND, CHILD]) expect(text.includes(secret), `${path} shows a secret`).toBe(false);
    }
    const refused = await put('/v1/secrets/upstream', { value: SECOND, colour: 'red' });
    expect(refused.status).toBe(422);
    expect(await refused.text()).not.toContain(SECOND);
    const dump = await envoyDump();
    expect(dump).toContain('mcp.guarded.1');
    for (const secret of [FIRST, SECOND, CHILD]) expect(dump.includes(secret)).toBe(false);
    for (const path of filesBelow(stack.home)) {
      const bytes = readFileSync(path);
      for (const secret of [FIRST, SECOND, CHILD])
        expect(bytes.includes(secret), `${path} holds a secret in the clear`).toBe(false);
    }
  });

  test('that a server needs cannot be deleted', async () => {
    expect((await stack.api('DELETE', '/v1/secrets/upstream')).status).toBe(409);
  });
});

describe('an API key of an agent', () => {
  test('is a bearer token on its surfaces, is shown once, and ends when it is revoked', async () => {
    const { key, id } = await newKey({
      use: 'agent',
      subject: 'robot',
      surfaces: ['guarded'],
      description: 'for a test',
    });
    expect(key).toMatch(/^chk_/);
    const session = await until(
      'the key is known',
      () => openSession(stack.mcp('guarded'), key).catch(() => ''),
      (found) => found !== '',
    );
    expect(await greet(key, session)).toBe('guarded greets you');
    const list = await (await stack.api('GET', '/v1/keys')).text();
    expect(list).toContain(id);
    expect(list).not.toContain(key);
    expect((await raw(stack.mcp('child'), { token: key, body: request(1, 'ping') })).status).toBe(401);
    // The gateway tells the control plane that it was used.
    await until(
      'its use is noted',
      async () =>
        (
          (await (await stack.api('GET', '/v1/keys')).json()) as { items: { id: string; lastUsedAt?: string }[] }
        ).items.find((item) => item.id === id)?.lastUsedAt ?? '',
      (at) => Date.parse(at) > 0,
    );

    expect((await stack.api('DELETE', `/v1/keys/${id}`)).status).toBe(204);
    const revoked = await until(
      'the key is refused',
      () => raw(stack.mcp('guarded'), { token: key, session, body: request(1, 'ping') }),
      ({ status }) => status === 401,
    );
    expect(revoked.headers.get('www-authenticate')).toContain('invalid_token');
    expect((await as(key, 'GET', '/v1/servers')).status).toBe(401);
  });
});

describe('a role', () => {
  test('viewers read, operators change no policy, security changes no server, labels need security', async () => {
    const keys = Object.fromEntries(
      await Promise.all(
        ['viewer', 'operator', 'security'].map(async (role) => [
          role,
          (await newKey({ use: 'admin', subject: role, roles: [role], description: role })).key,
        ]),
      ),
    ) as Record<'viewer' | 'operator' | 'security', string>;
    const server1 = { versions: [{ version: '1', endpoints: [{ url: server.url }] }] };
    const policy = { version: 'tbac/v1', rules: [{ id: 'none', effect: 'deny', tools: ['nothing/*'] }] };
    const table: [keyof typeof keys, string, string, object | undefined, number][] = [
      ['viewer', 'GET', '/v1/servers', undefined, 200],
      ['viewer', 'PUT', '/v1/servers/roles', server1, 403],
      ['operator', 'PUT', '/v1/policies/roles', policy, 403],
      ['security', 'PUT', '/v1/servers/roles', server1, 403],
      ['operator', 'PUT', '/v1/servers/roles', { ...server1, labels: { tier: 'one' } }, 403],
      ['operator', 'PUT', '/v1/servers/roles', server1, 201],
      ['security', 'PUT', '/v1/servers/roles', { ...server1, labels: { tier: 'one' } }, 200],
      ['operator', 'PUT', '/v1/servers/roles', { ...server1, labels: { tier: 'two' } }, 403],
      ['security', 'PUT', '/v1/policies/roles', policy, 201],
      ['operator', 'DELETE', '/v1/policies/roles', undefined, 403],
      ['operator', 'POST', '/v1/keys', { use: 'admin', subject: 'x', roles: ['admin'], description: 'x' }, 403],
      ['security', 'POST', '/v1/keys', { use: 'admin', subject: 'x', roles: ['admin'], description: 'x' }, 403],
      ['operator', 'POST', '/v1/apply', { documents: [{ kind: 'Policy', name: 'sneaky', ...policy }] }, 403],
      ['operator', 'DELETE', '/v1/servers/roles', undefined, 403],
    ];
    const found: string[] = [];
    for (const [role, method, path, body] of table) {
      const response = await as(keys[role], method, path, body);
      found.push(`${role} ${method} ${path} ${response.status}`);
      await response.text();
    }
    expect(found).toEqual(table.map(([role, method, path, , status]) => `${role} ${method} ${path} ${status}`));
    const log = await (await stack.api('GET', '/v1/log?kind=Server&name=roles')).json();
    expect((log as { items: { who: string }[] }).items.map(({ who }) => who)).toEqual([
      expect.stringMatching(/^key:chk_/),
      expect.stringMatching(/^key:chk_/),
      expect.stringMatching(/^key:chk_/),
    ]);
  });
});
