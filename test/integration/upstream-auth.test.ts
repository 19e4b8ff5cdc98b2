// Decides that Envoy says to servers who the gateway is, with what is published and nothing else, and that nobody else learns of it.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Authority, type Certified, createAuthority } from '../support/certificates.ts';
import { type PublishedEnvoy, startPublishedEnvoy } from '../support/published-envoy.ts';
import { until } from '../support/until.ts';

const FIRST = 'first-value-of-the-secret';
const SECOND = 'second-value-of-the-secret';

let envoy: PublishedEnvoy;
let backend: Server;
let tokens: Server;
let secure: SecureServer;
let authority: Authority;
let client: Certified;
/** What the backend was told, newest last. */
const got: IncomingHttpHeaders[] = [];
/** Forms that the token endpoint was sent; it refuses while it is `closed`. */
const forms: URLSearchParams[] = [];
let closed = false;
/** Names that the secure backend was asked for (SNI). */
const asked: string[] = [];
/** Names in the certificates that the secure backend was shown. */
const shown: string[] = [];

const urlOf = (server: Server | SecureServer, scheme: string, path: string): string =>
  `${scheme}://127.0.0.1:${(server.address() as { port: number }).port}${path}`;
const listen = (server: Server | SecureServer): Promise<void> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

beforeAll(async () => {
  authority = await createAuthority();
  client = await authority.certify([{ type: 'dns', value: 'gateway.test' }]);
  backend = createServer((message, response) => {
    got.push(message.headers);
    response.end('here');
  });
  tokens = createServer((message, response) => {
    let form = '';
    message.on('data', (chunk: Buffer) => {
      form += chunk.toString();
    });
    message.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (closed) return void response.writeHead(503).end('{}');
      forms.push(new URLSearchParams(form));
      response.end(JSON.stringify({ access_token: `token-${forms.length}`, token_type: 'bearer', expires_in: 3600 }));
    });
  });
  const own = await authority.certify([{ type: 'dns', value: 'server.test' }]);
  const SNICallback = (name: string, done: (error: null) => void): void => {
    asked.push(name);
    done(null);
  };
  secure = createSecureServer({ ...own, ca: authority.ca, requestCert: true, SNICallback }, (message, response) => {
    shown.push((message.socket as TLSSocket).getPeerCertificate().subjectaltname ?? '');
    response.end();
  });
  await Promise.all([backend, tokens, secure].map(listen));
  envoy = await startPublishedEnvoy();
});
afterAll(async () => {
  await envoy?.close();
  for (const server of [backend, tokens, secure]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const secret = (value: string) => ({ kind: 'Secret', name: 'upstream', value });
const server = (name: string, more: object) => ({
  kind: 'Server',
  name,
  versions: [{ version: '1', endpoints: [{ url: urlOf(backend, 'http', '/mcp') }], ...more }],
});
const answered = (cluster: string, status = 200, headers: Record<string, string> = {}) =>
  until(
    `${cluster} answers ${status}`,
    () => envoy.egress(cluster, headers),
    (answer) => answer.status === status,
  );
const BEARER = { auth: { type: 'bearer', secret: 'upstream' } };

test('a bearer token stands where the caller had one, and another value is used at once', async () => {
  await envoy.publish([secret(FIRST), server('bearer', BEARER)]);
  await answered('mcp.bearer.1', 200, { authorization: 'Bearer of-the-caller' });
  expect(got.at(-1)?.authorization).toBe(`Bearer ${FIRST}`);
  const clusters = await envoy.admin('/stats?filter=cluster_manager.cluster_(added|modified|removed)');

  await envoy.publish([secret(SECOND), server('bearer', BEARER)]);
  await until(
    'the other value is used',
    async () => {
      await envoy.egress('mcp.bearer.1');
      return got.at(-1)?.authorization;
    },
    (value) => value === `Bearer ${SECOND}`,
  );
  expect(await envoy.admin('/stats?filter=cluster_manager.cluster_(added|modified|removed)')).toBe(clusters);
});

test('a header of the server’s own is set, and the caller’s stands no chance', async () => {
  await envoy.publish([
    secret(FIRST),
    server('header', { auth: { type: 'header', header: 'x-api-key', secret: 'upstream' } }),
  ]);
  await answered('mcp.header.1', 200, { 'x-api-key': 'of-the-caller' });
  expect(got.at(-1)).toMatchObject({ 'x-api-key': FIRST });
  expect(got.at(-1)).not.toHaveProperty('authorization');
});

const oauth = (scopes: readonly string[]) => ({
  auth: { type: 'oauth', tokenUrl: urlOf(tokens, 'http', '/token'), clientId: 'chancery', secret: 'upstream', scopes },
});

test('a token is fetched with the client’s credentials; until there is one, nothing goes to the server', async () => {
  closed = true;
  const before = got.length;
  await envoy.publish([secret(FIRST), server('oauth', oauth(['read', 'write']))]);
  const refused = await until(
    'Envoy has the cluster',
    () => envoy.egress('mcp.oauth.1'),
    ({ body }) => body.includes('credential'),
  );
  expect(refused.status).toBe(503);
  expect(got).toHaveLength(before);

  closed = false;
  await answered('mcp.oauth.1');
  expect(got.at(-1)?.authorization).toBe('Bearer token-1');
  expect(Object.fromEntries(forms[0]!)).toEqual({
    grant_type: 'client_credentials',
    client_id: 'chancery',
    client_secret: FIRST,
    scope: 'read write',
  });

  await envoy.publish([secret(FIRST), server('oauth', oauth(['read']))]);
  await until(
    'a token for the other scope is used',
    async () => (await envoy.egress('mcp.oauth.1')).status === 200 && got.at(-1)?.authorization,
    (value) => value === 'Bearer token-2',
  );
  expect(forms.at(-1)?.get('scope')).toBe('read');
});

test('a server with an authority and a name of its own is shown the gateway’s certificate', async () => {
  const pem = ({ cert, key }: Certified) => ({
    kind: 'Secret',
    name: 'gateway',
    type: 'tls',
    certificate: cert.toString(),
    privateKey: key.toString(),
  });
  const tls = (more: object, name = 'secure') => ({
    kind: 'Server',
    name,
    versions: [{ version: '1', endpoints: [{ url: urlOf(secure, 'https', '/mcp') }], tls: more }],
  });
  const good = { ca: authority.ca.toString(), serverName: 'server.test', clientCertificate: 'gateway' };
  await envoy.publish([pem(client), tls(good)]);
  await answered('mcp.secure.1');
  expect(asked.at(-1)).toBe('server.test');
  expect(shown.at(-1)).toBe('DNS:gateway.test');

  const other = await authority.certify([{ type: 'dns', value: 'renewed.test' }]);
  await envoy.publish([pem(other), tls(good)]);
  await until(
    'the renewed certificate is shown',
    async () => {
      await envoy.egress('mcp.secure.1', { connection: 'close' });
      // Connections that are open go on with the certificate that they were made with.
      secure.closeIdleConnections();
      return shown.at(-1);
    },
    (name) => name === 'DNS:renewed.test',
  );

  const another = await createAuthority('another');
  const before = shown.length;
  await envoy.publish([
    pem(client),
    tls(good),
    tls({ ...good, serverName: 'other.test' }, 'of-another-name'),
    tls({ ...good, ca: another.ca.toString() }, 'of-another-authority'),
  ]);
  await answered('mcp.of-another-name.1', 503);
  await answered('mcp.of-another-authority.1', 503);
  expect(shown).toHaveLength(before);
});

test('what was published is in no log and not in what Envoy tells of itself', async () => {
  const told = [await envoy.admin('/config_dump?include_eds'), envoy.lines.join(''), envoy.output()].join('');
  expect(told).toContain('mcp.secure.1');
  for (const value of [FIRST, SECOND, client.key.toString().split('\n')[1]!]) expect(told.includes(value)).toBe(false);
});
