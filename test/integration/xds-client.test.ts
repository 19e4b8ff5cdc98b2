import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildOwnSnapshot, type OwnResources } from '../../controlplane/xds/own-snapshot.ts';
import { createXdsServer, type XdsServer } from '../../controlplane/xds/server.ts';
import type { Snapshot } from '../../controlplane/xds/snapshot.ts';
import type { CatalogApiKey, CatalogIssuer, Tombstone } from '../../core/catalog/catalog.ts';
import { KINDS_OF_GROUP, OWN_TYPES } from '../../core/contract.ts';
import type { Policy } from '../../core/policy/types.ts';
import { type CatalogClient, type CatalogOptions, openCatalog } from '../../core/xds-client/catalog-client.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';

const DEADLINE_MS = 10_000;
const silent = pino({ level: 'silent' });
const closing: (() => unknown)[] = [];
let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-xds-'));
  path = join(folder, 'ads.sock');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true });
});

async function serve(): Promise<XdsServer> {
  const server = createXdsServer({ log: silent, now: Date.now });
  closing.push(() => server.close());
  await server.listenUnix(path);
  return server;
}

function connect(options: Partial<CatalogOptions> = {}): CatalogClient {
  const client = openCatalog({
    address: `unix:${path}`,
    node: { id: 'ext-proc-1', group: 'ext-proc' },
    kinds: KINDS_OF_GROUP['ext-proc'],
    log: silent,
    now: Date.now,
    ...options,
  });
  closing.push(() => client.close());
  return client;
}

/** Resolves when the client's state fits; the test's own timeout is the deadline. */
function until(client: CatalogClient, fits: () => boolean): Promise<void> {
  if (fits()) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      if (!fits()) return;
      for (const stop of stops) stop();
      resolve();
    };
    const stops = [client.onChange(done), client.onTombstone(done)];
  });
}

const byName = <Value extends { readonly name: string }>(...values: readonly Value[]): ReadonlyMap<string, Value> =>
  new Map(values.map((value) => [value.name, value]));
const policy = (name: string, reason = 'r'): Policy => ({
  name,
  version: 'tbac/v1',
  mode: 'enforce',
  surfaces: ['*'],
  rules: [{ id: 'all', effect: 'allow', tools: ['*'], reason }],
});
const issuer = (name: string): CatalogIssuer => ({
  name,
  issuer: `https://${name}`,
  algorithms: ['ES256'],
  jwks: { keys: [] },
});
const KEYS = new Map([['k', { kid: 'k', key: 'c2VjcmV0', active: true }]]);
const API_KEY: CatalogApiKey = {
  id: 'k',
  sha256: 'a'.repeat(64),
  subject: 's',
  groups: [],
  scopes: [],
  surfaces: ['*'],
  expiresAtMs: 1,
};
const FIRST: OwnResources = {
  policy: byName(policy('a'), policy('b')),
  issuer: byName(issuer('i')),
  apiKey: new Map([['k', API_KEY]]),
  sessionKey: KEYS,
};
const REVISION = [{ typeUrl: OWN_TYPES.revision }];

test('a client is given the whole revision', async () => {
  const server = await serve();
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const client = connect();
  expect(await client.ready(DEADLINE_MS)).toBe(true);
  expect(client.current()).toEqual({
    revision: 1,
    servers: new Map(),
    surfaces: new Map(),
    policies: FIRST.policy,
    issuers: FIRST.issuer,
    apiKeys: new Map([[API_KEY.sha256, API_KEY]]),
    sessionKeys: [...KEYS.values()],
    revocations: new Map(),
    identityKeys: [],
  });
  expect(await server.acked('ext-proc', REVISION, DEADLINE_MS)).toBe('acked');
  expect(server.nodes()).toMatchObject([{ id: 'ext-proc-1', group: 'ext-proc', transport: 'unix' }]);
});

test('a change is one swap to another catalog, and the one before stays as it was', async () => {
  const server = await serve();
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const client = connect();
  await client.ready(DEADLINE_MS);
  const before = client.current()!;
  const seen: (number | undefined)[] = [];
  client.onChange(() => seen.push(client.current()?.revision));
  server.setSnapshot('ext-proc', buildOwnSnapshot({ ...FIRST, policy: byName(policy('b', 'new'), policy('c')) }, 2));
  await until(client, () => client.current()?.revision === 2);
  expect(
    await server.acked(
      'ext-proc',
      Object.values(OWN_TYPES).map((typeUrl) => ({ typeUrl })),
      DEADLINE_MS,
    ),
  ).toBe('acked');
  expect(seen).toEqual([2]);
  expect([...client.current()!.policies.keys()]).toEqual(['b', 'c']);
  expect([...client.resources('policy').keys()].sort()).toEqual(['b', 'c']);
  expect(before.policies).toEqual(FIRST.policy);
});

test('of many revisions in a row the last one is reached', async () => {
  const server = await serve();
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const client = connect();
  await client.ready(DEADLINE_MS);
  const seen: number[] = [];
  client.onChange(() => seen.push(client.current()!.revision));
  for (let revision = 2; revision <= 100; revision += 1) {
    server.setSnapshot(
      'ext-proc',
      buildOwnSnapshot({ ...FIRST, policy: byName(policy('a', `r${revision}`)) }, revision),
    );
  }
  await until(client, () => client.current()?.revision === 100);
  expect(client.current()!.policies.get('a')).toEqual(policy('a', 'r100'));
  expect(seen).toEqual([...seen].sort((one, two) => one - two));
  expect(seen.length).toBeLessThan(10);
});

test('a policy that is refused holds back its revision, visibly; a mended one is taken', async () => {
  const server = await serve();
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const client = connect({ checkPolicy: ({ rules }) => (rules[0]?.reason === 'bad' ? 'does not compile' : null) });
  await client.ready(DEADLINE_MS);
  server.setSnapshot(
    'ext-proc',
    buildOwnSnapshot({ ...FIRST, policy: byName(policy('a', 'bad'), policy('b', 'new')) }, 2),
  );
  const wanted = [{ typeUrl: OWN_TYPES.policy }];
  expect(await server.acked('ext-proc', wanted, DEADLINE_MS)).toBe('nacked');
  const [status] = server.nodes()[0]!.types.filter(({ label }) => label === 'policy');
  expect(status?.nacked).toMatchObject({ resources: ['a'], message: 'policy a: does not compile' });
  expect(await server.acked('ext-proc', REVISION, DEADLINE_MS)).toBe('acked');
  expect(client.current()!.revision).toBe(1);
  expect(client.current()!.policies.get('b')).toEqual(policy('b'));
  server.setSnapshot(
    'ext-proc',
    buildOwnSnapshot({ ...FIRST, policy: byName(policy('a', 'good'), policy('b', 'new')) }, 3),
  );
  await until(client, () => client.current()?.revision === 3);
  expect(await server.acked('ext-proc', wanted, DEADLINE_MS)).toBe('acked');
});

test('without the control plane the catalog stays; when it is back only what changed is sent', async () => {
  const first = await serve();
  first.setSnapshot(
    'ext-proc',
    buildOwnSnapshot({ ...FIRST, tombstone: new Map([['t', { tokenId: 't', expiresAtMs: 5 }]]) }, 1),
  );
  const client = connect();
  await client.ready(DEADLINE_MS);
  await until(client, () => client.tombstones().size === 1);
  const before = client.current()!;
  const heldBefore = client.resources('policy').get('a');
  await first.close();
  expect(client.current()).toBe(before);

  const second = await serve();
  second.setSnapshot('ext-proc', buildOwnSnapshot({ ...FIRST, policy: byName(policy('a'), policy('c')) }, 2));
  await until(client, () => client.current()?.revision === 2);
  expect(client.resources('policy').get('a')).toBe(heldBefore);
  expect(
    await second.acked('ext-proc', [{ typeUrl: OWN_TYPES.policy }, { typeUrl: OWN_TYPES.tombstone }], DEADLINE_MS),
  ).toBe('acked');
  expect([...client.resources('policy').keys()].sort()).toEqual(['a', 'c']);
  expect(client.tombstones().size).toBe(0);
});

test('an unchanged revision after a restart is no change', async () => {
  const first = await serve();
  first.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  let isBack = (): void => {};
  const back = new Promise<void>((resolve) => {
    isBack = resolve;
  });
  const client = connect({
    log: pino({}, { write: (line) => void (line.includes('the control plane is back') && isBack()) }),
  });
  await client.ready(DEADLINE_MS);
  const before = client.current();
  await first.close();
  const second = await serve();
  second.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  await back;
  const acked = () => second.nodes()[0]?.types.find(({ label }) => label === 'revision')?.acked ?? null;
  while (acked() === null) await new Promise(setImmediate);
  expect(client.current()).toBe(before);
});

test('a revision that names what was not sent is not taken', async () => {
  const server = await serve();
  const whole = buildOwnSnapshot(FIRST, 1);
  const part: Snapshot = {
    ...whole,
    types: new Map([...whole.types].filter(([typeUrl]) => typeUrl !== OWN_TYPES.issuer)),
  };
  server.setSnapshot('ext-proc', part);
  const client = connect();
  expect(await client.ready(50)).toBe(false);
  expect(await server.acked('ext-proc', REVISION, DEADLINE_MS)).toBe('acked');
  expect(client.current()).toBeNull();
  server.setSnapshot('ext-proc', whole);
  expect(await client.ready(DEADLINE_MS)).toBe(true);
});

test('tombstones come and go beside the revision', async () => {
  const server = await serve();
  const tombstones = (...ids: readonly string[]): ReadonlyMap<string, Tombstone> =>
    new Map(ids.map((tokenId) => [tokenId, { tokenId, expiresAtMs: 5 }]));
  server.setSnapshot('ext-proc', buildOwnSnapshot({ ...FIRST, tombstone: tombstones('a') }, 1));
  const client = connect();
  await client.ready(DEADLINE_MS);
  const before = client.current();
  server.setSnapshot('ext-proc', buildOwnSnapshot({ ...FIRST, tombstone: tombstones('b') }, 1));
  await until(client, () => client.tombstones().has('b') && !client.tombstones().has('a'));
  expect(client.tombstones()).toEqual(new Map([['b', 5]]));
  expect(client.current()).toBe(before);
});

test('session keys come and go beside the revision', async () => {
  const server = await serve();
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const client = connect();
  await client.ready(DEADLINE_MS);
  const before = client.current()!;
  const newest = { kid: 'n', key: 'bmV3', active: true };
  server.setSnapshot('ext-proc', buildOwnSnapshot({ ...FIRST, sessionKey: new Map([['n', newest]]) }, 1));
  await until(client, () => client.current()!.sessionKeys[0]?.kid === 'n');
  expect(client.current()).toEqual({ ...before, sessionKeys: [newest] });
  expect(client.current()!.policies).toBe(before.policies);
  expect(before.sessionKeys).toEqual([...KEYS.values()]);
});

test('what is more than one response may have comes in several, and is one revision', async () => {
  const server = await serve();
  const x = 'r'.repeat(64 * 1024);
  const many = Array.from({ length: 100 }, (_, index) => ({
    name: `i${index}`,
    issuer: `https://i${index}.example`,
    algorithms: ['ES256'],
    jwks: { keys: [{ kid: `${index}`, x }] },
  }));
  server.setSnapshot('ext-proc', buildOwnSnapshot({ ...FIRST, issuer: byName(...many) }, 1));
  const client = connect();
  const revisions: unknown[] = [];
  client.onChange(() => revisions.push(client.current()?.issuers.size));
  expect(await client.ready(DEADLINE_MS)).toBe(true);
  expect(revisions).toEqual([100]);
});

test('the bridge is ready when its kind was answered, even with nothing', async () => {
  const server = await serve();
  server.setSnapshot('bridge', buildOwnSnapshot({}));
  const client = connect({ node: { id: 'bridge-1', group: 'bridge' }, kinds: KINDS_OF_GROUP.bridge });
  expect(await client.ready(DEADLINE_MS)).toBe(true);
  expect(client.resources('stdioServer')).toEqual(new Map());
  const memory = { server: 'memory', version: '1', socket: '/s', command: 'node', args: [], env: {} };
  server.setSnapshot('bridge', buildOwnSnapshot({ stdioServer: new Map([['memory', memory]]) }));
  await until(client, () => client.resources('stdioServer').size === 1);
  expect(client.resources('stdioServer')).toEqual(new Map([['memory', memory]]));
  expect(client.current()).toBeNull();
});

async function secured() {
  const authority = await createAuthority();
  const server = await serve();
  const own = await authority.certify([{ type: 'ip', value: '127.0.0.1' }]);
  const port = await server.listenTcp('127.0.0.1', 0, { ...own, clientCa: authority.ca });
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const target = async (uri: string | null, from: Authority = authority) => ({
    address: `127.0.0.1:${port}`,
    tls: { ...(await from.certify(uri === null ? [] : [{ type: 'url', value: uri }])), ca: authority.ca },
  });
  return { server, port, target, authority };
}

test('on TCP with certificates everything is served, and the certificate fixes who calls', async () => {
  const { server, target } = await secured();
  const node = { id: 'what-it-would-say', group: 'ext-proc' as const };
  const client = connect({ ...(await target('spiffe://any.example/chancery/ext-proc/ext-proc-1')), node });
  expect(await client.ready(DEADLINE_MS)).toBe(true);
  expect(client.current()).toMatchObject({ revision: 1, sessionKeys: [{ kid: 'k' }] });
  expect(server.nodes()).toMatchObject([{ id: 'ext-proc-1', group: 'ext-proc', transport: 'mtls' }]);
  expect(await server.acked('ext-proc', REVISION, DEADLINE_MS)).toBe('acked');
});

test.each<[string, string | null, RegExp]>([
  ['another group', 'spiffe://any.example/chancery/bridge/ext-proc-1', /of the group "bridge", found/],
  ['no URI', null, /^the certificate names no node: wanted one URI spiffe:/],
  ['a URI of something else', 'spiffe://any.example/other/ext-proc/ext-proc-1', /^the certificate names no node/],
])('a certificate of %s is refused with its reason', async (_name, uri, reason) => {
  const { server, target } = await secured();
  const options = await target(uri);
  const refused = await new Promise<string>((resolve) => {
    const log = pino(
      { level: 'debug' },
      { write: (line) => resolve((JSON.parse(line) as { readonly reason: string }).reason) },
    );
    connect({ ...options, log });
  });
  expect(refused).toMatch(reason);
  expect(server.nodes()).toEqual([]);
});

test('without a certificate of the authorities nobody gets in, nor is another control plane believed', async () => {
  const { server, target, port } = await secured();
  const stranger = await createAuthority();
  const uri = 'spiffe://any.example/chancery/ext-proc/ext-proc-1';
  const right = await target(uri);
  for (const options of [
    await target(uri, stranger),
    { address: `127.0.0.1:${port}` },
    { ...right, tls: { ...right.tls, ca: stranger.ca } },
  ]) {
    const lost = await new Promise<string>((resolve) => {
      const log = pino({ level: 'debug' }, { write: (line) => resolve(line) });
      connect({ ...options, log });
    });
    expect(lost).toContain('the control plane could not be reached');
  }
  expect(server.nodes()).toEqual([]);
});

test.each<[string, 'tcp' | 'unix', Partial<CatalogOptions>, RegExp]>([
  [
    'a service on plain TCP',
    'tcp',
    {},
    /^ext-proc is served on the Unix socket and to clients with a certificate only$/,
  ],
  [
    'a kind of another group',
    'unix',
    { kinds: ['stdioServer'] },
    /"type.googleapis.com\/chancery.v1.StdioServer" is not served to you/,
  ],
  ['a client without a name', 'unix', { node: { id: '', group: 'ext-proc' } }, /node.id/],
])('%s: the stream is refused with its reason', async (_name, transport, options, reason) => {
  const server = await serve();
  const port = await server.listenTcp('127.0.0.1', 0);
  server.setSnapshot('ext-proc', buildOwnSnapshot(FIRST, 1));
  const refused = await new Promise<string>((resolve) => {
    const log = pino(
      { level: 'debug' },
      { write: (line) => resolve((JSON.parse(line) as { readonly reason: string }).reason) },
    );
    connect({ ...(transport === 'tcp' ? { address: `127.0.0.1:${port}` } : {}), log, ...options });
  });
  expect(refused).toMatch(reason);
});

test('the socket is for its owner, is not taken from a living server, and is gone after the end', async () => {
  const server = await serve();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(serve()).rejects.toThrow(/is in use by another process/);
  await server.close();
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

test('a taken port is refused by name', async () => {
  const server = await serve();
  const port = await server.listenTcp('127.0.0.1', 0);
  await expect(server.listenTcp('127.0.0.1', port)).rejects.toThrow(`ADS cannot listen on 127.0.0.1:${port}`);
});
