import { expect, test } from 'vitest';
import { SetDigest } from '../catalog/digest.ts';
import type { OwnKind } from '../contract.ts';
import { encodeDocument } from '../grpc/ads.ts';
import { assemble, sessionKeys } from './assemble.ts';
import { Store } from './store.ts';

type Row = readonly [kind: OwnKind, name: string, version: string];
const VALUES: { readonly [kind in OwnKind]?: (name: string) => object } = {
  issuer: (name) => ({ name, issuer: `https://${name}`, algorithms: ['ES256'], jwks: { keys: [] } }),
  policy: (name) => ({
    name,
    version: 'tbac/v1',
    surfaces: ['*'],
    rules: [{ id: 'r', effect: 'allow', tools: ['*'] }],
  }),
  sessionKey: (kid) => ({ kid, key: 'k', active: true }),
  apiKey: (id) => ({
    id,
    sha256: id.padEnd(64, '0'),
    subject: 's',
    groups: [],
    scopes: [],
    surfaces: ['*'],
    expiresAtMs: 1,
  }),
};
const resource = ([kind, name, version]: Row) => ({
  name,
  version,
  bytes: encodeDocument(JSON.stringify(VALUES[kind]!(name))),
});

function storeOf(...rows: readonly Row[]): Store {
  const store = new Store(() => null);
  for (const row of rows) expect(store.apply(row[0], [resource(row)], [])).toEqual([]);
  return store;
}

const digestOf = (...rows: readonly Row[]): string => {
  const digest = new SetDigest();
  for (const row of rows) digest.toggle(...row);
  return digest.text();
};

const COVERED: readonly Row[] = [
  ['issuer', 'b/slash', '1'],
  ['issuer', 'a', '1'],
  ['policy', 'with-slash', '1'],
  ['apiKey', 'c', '1'],
];
const HELD = storeOf(...COVERED, ['sessionKey', 'k', '1']);

test.each<[string, string, boolean]>([
  ['exactly what is named', digestOf(...COVERED), true],
  ['in another order', digestOf(...[...COVERED].reverse()), true],
  ['one is missing', digestOf(...COVERED, ['policy', 'p', '1']), false],
  ['one is too many', digestOf(...COVERED.slice(1)), false],
  ['one is held in another version', digestOf(...COVERED.slice(1), ['issuer', 'b/slash', '2']), false],
  ['one is of another kind', digestOf(...COVERED.slice(1), ['policy', 'b/slash', '1']), false],
  ['a session key is of no revision', digestOf(...COVERED, ['sessionKey', 'k', '1']), false],
  ['nothing', digestOf(), false],
  ['no digest', '', false],
])('%s', (_name, digest, whole) => {
  expect(assemble(HELD, { revision: 3, digest }) !== null).toBe(whole);
});

test('an empty store is the revision of nothing', () => {
  expect(assemble(storeOf(), { revision: 1, digest: digestOf() })).toMatchObject({ revision: 1, servers: new Map() });
});

test('the catalog is in the order of names, with API keys by their hash and the session keys beside', () => {
  const catalog = assemble(HELD, { revision: 3, digest: digestOf(...COVERED) })!;
  const apiKey = VALUES.apiKey!('c');
  expect(catalog).toEqual({
    revision: 3,
    servers: new Map(),
    surfaces: new Map(),
    policies: new Map([['with-slash', VALUES.policy!('with-slash')]]),
    issuers: new Map([
      ['a', VALUES.issuer!('a')],
      ['b/slash', VALUES.issuer!('b/slash')],
    ]),
    revocations: new Map(),
    apiKeys: new Map([['c'.padEnd(64, '0'), apiKey]]),
    sessionKeys: [VALUES.sessionKey!('k')],
    identityKeys: [],
  });
  expect([...catalog.issuers.keys()]).toEqual(['a', 'b/slash']);
  expect(sessionKeys(HELD)).toEqual(catalog.sessionKeys);
});

test('the digest follows what comes, changes and goes; what did not change is the same map', () => {
  const store = storeOf(...COVERED);
  const before = assemble(store, { revision: 1, digest: digestOf(...COVERED) })!;
  store.apply('policy', [resource(['policy', 'with-slash', '2'])], []);
  store.apply('issuer', [], ['a', 'never held']);
  const rows: readonly Row[] = [COVERED[0]!, ['policy', 'with-slash', '2'], COVERED[3]!];
  const after = assemble(store, { revision: 2, digest: digestOf(...rows) })!;
  expect([...after.issuers.keys()]).toEqual(['b/slash']);
  expect([...before.issuers.keys()]).toEqual(['a', 'b/slash']);
  expect([
    after.servers === before.servers,
    after.apiKeys === before.apiKeys,
    after.issuers === before.issuers,
  ]).toEqual([true, true, false]);
});
