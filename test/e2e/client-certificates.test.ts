// Decides that an agent is known by its certificate, verified by Envoy, and that nobody can say that he showed one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Authority, type Certified, createAuthority } from '../support/certificates.ts';
import { CLIENT_INFO, request } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const ALICE = 'spiffe://corp.example/agent/alice';
let folder: string;
let authority: Authority;
let alice: Certified;
let bob: Certified;
let stack: Stack;
let notes: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chy-tls-'));
  authority = await createAuthority();
  const gateway = await authority.certify([{ type: 'ip', value: '127.0.0.1' }]);
  [alice, bob] = await Promise.all([of(ALICE), of('spiffe://corp.example/agent/bob')]);
  const file = (name: string, content: Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  notes = await startTestServer('notes');
  stack = await startStack({
    example: '',
    env: {
      CHANCERY_TLS_CERT: file('gateway.crt', gateway.cert),
      CHANCERY_TLS_KEY: file('gateway.key', gateway.key),
      CHANCERY_CLIENT_CA: file('agents.crt', authority.ca),
    },
  });
  await put('/v1/servers/notes', { versions: [{ version: '1', endpoints: [{ url: notes.url }] }] });
  await put('/v1/policies/agents', {
    version: 'tbac/v1',
    rules: [
      { id: 'alice', effect: 'allow', who: { issuers: ['spiffe://corp.example'], subjects: [ALICE] }, tools: ['*'] },
      { id: 'people', effect: 'allow', who: { subjects: ['carol'] }, tools: ['*'] },
    ],
  });
  for (const auth of ['certificate', 'either', 'token'])
    await put(`/v1/surfaces/${auth}`, { auth, servers: [{ server: 'notes' }] });
  await until(
    'alice is served',
    async () => (await call('certificate', { by: alice })).text,
    (text) => text.includes('notes greets'),
  );
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await notes?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const of = (...uris: string[]): Promise<Certified> =>
  authority.certify(uris.map((value) => ({ type: 'url' as const, value })));

async function put(path: string, body: object): Promise<void> {
  const response = await stack.api('PUT', path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

interface Sent {
  readonly by?: Certified;
  readonly headers?: Readonly<Record<string, string>>;
}
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

function post(surface: string, { by, headers = {} }: Sent, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      {
        ...{ host: '127.0.0.1', port: stack.ports.gateway, path: `/mcp/${surface}`, method: 'POST', agent: false },
        ca: authority.ca,
        ...(by !== undefined && { cert: by.cert, key: by.key }),
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** Opens a session and calls; or the refusal of the first. */
async function call(surface: string, sent: Sent): Promise<Answer> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: CLIENT_INFO };
  const opened = await post(surface, sent, request(0, 'initialize', params));
  const session = opened.headers['mcp-session-id'];
  if (opened.status !== 200 || typeof session !== 'string') return opened;
  const greet = request(1, 'tools/call', { name: 'greet', arguments: { who: 'x' } });
  return post(surface, { ...sent, headers: { ...sent.headers, 'mcp-session-id': session } }, greet);
}

async function bearer(subject: string, surface: string): Promise<Readonly<Record<string, string>>> {
  return { authorization: `Bearer ${await stack.token(surface, subject)}` };
}

test('an agent is the URI of its certificate, to policies too', async () => {
  expect((await call('certificate', { by: alice })).text).toContain('notes greets x');
  expect((await call('certificate', { by: bob })).text).toContain('unknown tool');
});

const FORGED: readonly [string, Readonly<Record<string, string>>][] = [
  ['in the header of proxies', { 'x-forwarded-client-cert': `URI=${ALICE}` }],
  ['in our own words', { 'x-chancery-certificate-uri': ALICE, 'x-chancery-certificate-end': '9999999999' }],
  ['with a token instead', { authorization: 'Bearer x' }],
];
test.each(FORGED)('without a certificate nobody comes in: %s', async (_, headers) => {
  const answer = await call('certificate', { headers });
  expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, undefined]);
  expect((await call('certificate', { by: bob, headers })).text).toContain('unknown tool');
});

test('a token is none where certificates are wanted, and a certificate none where tokens are', async () => {
  expect((await call('certificate', { headers: await bearer('carol', 'certificate') })).status).toBe(401);
  expect((await call('token', { by: alice })).status).toBe(401);
});

test('where either will do, a token that was brought is meant', async () => {
  expect((await call('either', { by: alice })).text).toContain('notes greets x');
  expect((await call('either', { headers: await bearer('carol', 'either') })).text).toContain('notes greets x');
  expect((await call('either', { by: alice, headers: await bearer('dave', 'either') })).text).toContain('unknown tool');
  const bad = await call('either', { by: alice, headers: { authorization: 'Bearer x' } });
  expect([bad.status, String(bad.headers['www-authenticate'])]).toEqual([
    401,
    expect.stringContaining('resource_metadata'),
  ]);
});

test('a certificate that names nobody, or two, opens nothing; one that nobody vouches for ends the connection', async () => {
  for (const by of [await of(), await of(ALICE, 'spiffe://corp.example/agent/bob')])
    expect((await call('certificate', { by })).status).toBe(401);
  const stranger = await (await createAuthority('another')).certify([{ type: 'url', value: ALICE }]);
  await expect(call('certificate', { by: stranger })).rejects.toThrow();
});

test('a subject that is revoked does not come in with its certificate', async () => {
  const revoked = await stack.cli('revoke', '--sub', ALICE, '--issuer', 'spiffe://corp.example');
  expect(revoked.stderr).toBe('');
  await until(
    'alice is refused',
    async () => (await call('certificate', { by: alice })).status,
    (status) => status === 401,
  );
});
