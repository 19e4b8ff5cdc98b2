// Decides that a server that wants to know who calls is told by the gateway, through Envoy, in words that nobody else can say.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacy, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const HEADER = 'x-chancery-identity';
let stack: Stack;
let told: TestServer;
let named: TestServer;
let plain: TestServer;
beforeAll(async () => {
  [told, named, plain] = await Promise.all([
    startTestServer('told'),
    startTestServer('named'),
    startTestServer('plain'),
  ]);
  stack = await startStack({ example: '' });
  const put = async (path: string, body: object): Promise<void> => {
    const response = await stack.api('PUT', path, body);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  const version = (server: TestServer) => ({ versions: [{ version: '1', endpoints: [{ url: server.url }] }] });
  await put('/v1/servers/told', { ...version(told), identity: {} });
  const identity = { header: 'x-caller', audience: 'https://named.example', ttl: 10, claims: ['groups', 'absent'] };
  await put('/v1/servers/named', { ...version(named), identity });
  await put('/v1/servers/plain', version(plain));
  const rules = [{ id: 'all', effect: 'allow', tools: ['*'] }];
  await put('/v1/policies/all', { version: 'tbac/v1', rules });
  await put('/v1/surfaces/default', { servers: [{ server: 'told' }, { server: 'named' }, { server: 'plain' }] });
  await until(
    'the servers were read',
    async () => ((await (await stack.api('GET', '/v1/status')).json()) as { servers: { tools: number }[] }).servers,
    (servers) => servers.length === 3 && servers.every(({ tools }) => tools > 0),
  );
  await until(
    'all tools are listed',
    async () => {
      const { client } = await connectLegacy(stack.mcp(), await stack.token());
      const { tools } = await client.listTools();
      await client.close();
      return tools.length;
    },
    (count) => count === 3,
  );
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([told, named, plain].map((server) => server?.close()));
});

async function callAs(
  subject: string,
  server: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await stack.cli('token', '--sub', subject, '--groups', 'ops');
  const token = stdout.trim();
  const session = await openSession(stack.mcp(), token);
  const body = request(1, 'tools/call', { name: `${server}__greet`, arguments: { who: subject } });
  return texts((await rpc(await raw(stack.mcp(), { token, session, headers, body }))).result);
}

function headersOfCall({ requests }: TestServer) {
  return requests.filter(({ body }) => body.includes('"tools/call"')).at(-1)?.headers ?? {};
}

test('it is told who calls what, for a minute, signed with a key that the gateway publishes', async () => {
  expect(await callAs('alice', 'told', { [HEADER]: 'forged' })).toBe('told greets alice');
  const token = String(headersOfCall(told)[HEADER]);
  const issuer = `${stack.gateway}/.well-known/chancery`;
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks.json`));
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience: 'chancery:server:told' });
  expect(payload).toEqual({
    ...{ iss: issuer, aud: 'chancery:server:told', sub: 'alice', idp: stack.gateway },
    ...{ surface: 'default', tool: 'greet', iat: payload.iat, exp: payload.iat! + 60 },
  });
  expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'chancery-identity+jwt' });
  const { keys: published } = (await (await fetch(`${issuer}/jwks.json`)).json()) as {
    keys: { kid: string; d?: string }[];
  };
  expect(published.map(({ kid }) => kid)).toContain(decodeProtectedHeader(token).kid);
  expect(published.every((key) => !('d' in key))).toBe(true);
});

test('it has the header, audience, time and claims that its document says', async () => {
  await callAs('bob', 'named', { 'x-caller': 'forged' });
  const token = String(headersOfCall(named)['x-caller']);
  const keys = createRemoteJWKSet(new URL(`${stack.gateway}/.well-known/chancery/jwks.json`));
  const { payload } = await jwtVerify(token, keys, { audience: 'https://named.example' });
  expect(payload).toMatchObject({ sub: 'bob', claims: { groups: ['ops'] }, exp: payload.iat! + 10 });
  expect(payload.claims).not.toHaveProperty('absent');
});

test('a server that does not want it gets none, also not from the client; none gets the client’s own token', async () => {
  await callAs('carol', 'plain', { [HEADER]: 'forged' });
  expect(headersOfCall(plain)).not.toHaveProperty(HEADER);
  for (const { requests } of [told, named, plain]) expect(JSON.stringify(requests)).not.toContain('authorization');
});

test('what it is told opens no surface', async () => {
  await callAs('alice', 'told');
  const token = String(headersOfCall(told)[HEADER]);
  expect((await raw(stack.mcp(), { token, body: request(1, 'tools/list') })).status).toBe(401);
});

test('the private key is in no file of the logs and in no answer of Envoy', async () => {
  for (const part of ['ext-proc', 'controlplane', 'envoy']) expect(stack.log(part)).not.toMatch(/"d":"/);
});
