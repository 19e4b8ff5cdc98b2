// Decides that an unmodified client comes in through an identity provider, through Envoy: challenge, metadata, registration, PKCE, resource, step-up.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Idp, startIdp } from '../../examples/idp/provider.ts';
import { type Login, loginOf } from '../support/browser.ts';
import { CLIENT_INFO, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { freeStackPorts, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let idp: Idp;
let notes: TestServer;
beforeAll(async () => {
  const ports = await freeStackPorts();
  notes = await startTestServer('notes', 0, (server) => {
    for (const name of ['write', 'plan', 'secret'])
      server.registerTool(name, { description: name, inputSchema: { text: z.string() } }, ({ text }) => ({
        content: [{ type: 'text', text: `${name}: ${text}` }],
      }));
  });
  idp = await startIdp({
    port: 0,
    gateway: `http://127.0.0.1:${ports.gateway}`,
    scopes: ['tools:read', 'tools:write'],
    people: { alice: { tasks: ['notes'], groups: ['staff'] }, bob: { tasks: [], groups: [] } },
  });
  stack = await startStack({ example: '', ports });
  await put('/v1/issuers/people', { issuer: idp.issuer, scopes: ['tools:read'] });
  await put('/v1/servers/notes', { versions: [{ version: '1', endpoints: [{ url: notes.url }] }] });
  await put('/v1/policies/notes', {
    version: 'tbac/v1',
    rules: [
      { id: 'read', effect: 'allow', who: { scopes: ['tools:read'] }, tools: ['notes/greet'] },
      { id: 'write', effect: 'allow', who: { scopes: ['tools:write'] }, tools: ['notes/write'] },
      { id: 'plan', effect: 'allow', task: 'notes', tools: ['notes/plan'] },
    ],
  });
  await put('/v1/surfaces/default', { servers: [{ server: 'notes' }] });
  await put('/v1/surfaces/closed', { servers: [{ server: 'notes' }], issuers: ['local'] });
  await put('/v1/surfaces/pages', { servers: [{ server: 'notes' }], cors: true });
  await until('the keys of the issuer were read', keysRead, (keys) => keys.length > 0);
  await until('the server was read', toolsRead, (tools) => tools > 0);
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([idp?.close(), notes?.close()]);
});

async function put(path: string, body: object): Promise<void> {
  const response = await stack.api('PUT', path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}
async function keysRead(): Promise<readonly string[]> {
  const { status } = (await (await stack.api('GET', '/v1/issuers/people')).json()) as { status: { keys?: string[] } };
  return status.keys ?? [];
}
async function toolsRead(): Promise<number> {
  const { status } = (await (await stack.api('GET', '/v1/servers/notes')).json()) as {
    status: { versions: { tools: number }[] };
  };
  return status.versions[0]?.tools ?? 0;
}

interface Connected {
  readonly client: Client;
  readonly login: Login;
  /** The person logs in where the client sent it, and the client goes on. */
  relogin(): Promise<void>;
}

async function connectAs(person: string): Promise<Connected> {
  const login = loginOf(person);
  const url = new URL(stack.mcp());
  const transportOf = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(url, { authProvider: login });
  const first = transportOf();
  await expect(new Client(CLIENT_INFO).connect(first)).rejects.toThrow(UnauthorizedError);
  await first.finishAuth(await login.cameBack());
  const transport = transportOf();
  const client = new Client(CLIENT_INFO);
  await client.connect(transport);
  return { client, login, relogin: async () => transport.finishAuth(await login.cameBack()) };
}

const call = (client: Client, name: string, given: object) =>
  client.callTool({ name, arguments: given as Record<string, unknown> });

test('a client that knows nothing but the URL finds the issuer, registers, logs in and calls', async () => {
  const { client, login } = await connectAs('alice');
  const [sent] = login.sentTo;
  expect(Object.fromEntries(sent!.searchParams)).toMatchObject({
    resource: stack.mcp(),
    scope: 'tools:read',
    code_challenge_method: 'S256',
  });
  expect(decodeJwt(login.accessToken())).toMatchObject({
    iss: idp.issuer,
    sub: 'alice',
    aud: stack.mcp(),
    scope: 'tools:read',
    authorized_tasks: ['notes'],
  });
  expect(texts(await call(client, 'greet', { who: 'alice' }))).toBe('notes greets alice');
  await client.close();
});

test('a call that needs a larger scope is told which, and goes through once it has it', async () => {
  const { client, login, relogin } = await connectAs('alice');
  await expect(call(client, 'write', { text: 'x' })).rejects.toThrow(UnauthorizedError);
  expect(login.sentTo.at(-1)?.searchParams.get('scope')?.split(' ').sort()).toEqual(['tools:read', 'tools:write']);
  await relogin();
  expect(texts(await call(client, 'write', { text: 'x' }))).toBe('write: x');
  expect(texts(await call(client, 'greet', { who: 'alice' }))).toBe('notes greets alice');
  await client.close();
});

test('a task of the token opens what the task names; who has not got it does not see it', async () => {
  const [alice, bob] = [await connectAs('alice'), await connectAs('bob')];
  expect(texts(await call(alice.client, 'plan', { text: 'x' }))).toBe('plan: x');
  await expect(call(bob.client, 'plan', { text: 'x' })).rejects.toThrow('unknown tool');
  const names = async ({ client }: Connected) => (await client.listTools()).tools.map(({ name }) => name).sort();
  expect(await names(alice)).toEqual(['greet', 'plan', 'write']);
  expect(await names(bob)).toEqual(['greet', 'write']);
  await Promise.all([alice.client.close(), bob.client.close()]);
});

test('the challenges and the metadata say all that a client needs', async () => {
  const metadataUrl = `${stack.gateway}/.well-known/oauth-protected-resource/mcp`;
  const body = request(1, 'tools/list');
  const missing = await raw(stack.mcp(), { body });
  expect([missing.status, missing.headers.get('www-authenticate')]).toEqual([
    401,
    `Bearer scope="tools:read", resource_metadata="${metadataUrl}"`,
  ]);
  const wrong = await raw(stack.mcp(), { token: 'abc', body });
  expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
    401,
    `Bearer error="invalid_token", scope="tools:read", resource_metadata="${metadataUrl}"`,
  ]);
  const { login, client } = await connectAs('alice');
  const token = login.accessToken();
  const session = await openSession(stack.mcp(), token);
  const small = await raw(stack.mcp(), {
    ...{ token, session },
    body: request(2, 'tools/call', { name: 'write', arguments: { text: 'x' } }),
  });
  expect([small.status, small.headers.get('www-authenticate')]).toEqual([
    403,
    `Bearer error="insufficient_scope", scope="tools:read tools:write", resource_metadata="${metadataUrl}"`,
  ]);
  expect((await rpc(small)).error?.code).toBe(-32003);
  for (const at of [metadataUrl, `${stack.gateway}/.well-known/oauth-protected-resource`])
    expect(await (await fetch(at)).json()).toEqual({
      resource: stack.mcp(),
      authorization_servers: [idp.issuer],
      scopes_supported: ['tools:read'],
      bearer_methods_supported: ['header'],
      resource_name: 'MCP surface default',
    });
  await client.close();
});

test('a token opens the surface that it is for, and none that does not trust its issuer', async () => {
  const { login, client } = await connectAs('alice');
  const token = login.accessToken();
  const status = async (surface: string) =>
    (await raw(stack.mcp(surface), { token, body: request(1, 'tools/list') })).status;
  // Without a session it is another fault, behind the door.
  expect(await status('default')).toBe(400);
  expect(await status('closed')).toBe(401);
  await client.close();
});

test("the client's token goes to no server", async () => {
  const { login, client } = await connectAs('alice');
  await call(client, 'greet', { who: 'alice' });
  const seen = JSON.stringify(notes.requests);
  expect(seen).not.toContain(login.accessToken());
  expect(seen).not.toContain('authorization');
  await client.close();
});

test('a page of an allowed origin may call a surface that says so, and reads what it needs', async () => {
  const origin = stack.gateway.replace('127.0.0.1', 'localhost');
  const preflight = (surface: string, from: string) =>
    fetch(stack.mcp(surface), {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
  const asked = await preflight('pages', origin);
  expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
  expect(asked.headers.get('access-control-allow-headers')).toContain('authorization');
  expect((await preflight('pages', 'https://evil.example')).status).toBe(403);
  const closed = await preflight('default', origin);
  expect([closed.status, closed.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  const refused = await raw(stack.mcp('pages'), { headers: { origin }, body: request(1, 'tools/list') });
  expect(refused.status).toBe(401);
  expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
  expect(refused.headers.get('access-control-expose-headers')).toContain('www-authenticate');
  const metadata = `${stack.gateway}/.well-known/oauth-protected-resource/mcp/pages`;
  expect((await fetch(metadata, { headers: { origin } })).headers.get('access-control-allow-origin')).toBe('*');
  const { login, client } = await connectAs('alice');
  const token = login.accessToken();
  const session = await openSession(stack.mcp(), token);
  const greet = request(2, 'tools/call', { name: 'greet', arguments: { who: 'x' } });
  const plain = await raw(stack.mcp(), { ...{ token, session, headers: { origin } }, body: greet });
  expect([plain.status, plain.headers.get('access-control-allow-origin')]).toEqual([200, null]);
  const { stdout } = await stack.cli('token', '--surface', 'pages', '--scope', 'tools:read');
  const own = { token: stdout.trim(), session: await openSession(stack.mcp('pages'), stdout.trim()) };
  const read = await raw(stack.mcp('pages'), { ...own, headers: { origin }, body: greet });
  expect([read.status, read.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  await client.close();
});
