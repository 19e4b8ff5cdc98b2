import { expect, test } from 'vitest';
import type { Revision } from '../catalog/catalog.ts';
import { type OwnKind, REVISION_KINDS } from '../contract.ts';
import { encodeDocument } from '../grpc/ads.ts';
import { assemble } from './assemble.ts';
import { Store } from './store.ts';

const issuer = (name: string) => ({ name, issuer: `https://${name}`, algorithms: ['ES256'], jwks: { keys: [] } });
const policy = (name: string) => ({ name, version: 'tbac/v1', surfaces: ['*'], rules: [] });
const key = (kid: string) => ({ kid, key: 'k', active: true });

function storeOf(resources: readonly (readonly [OwnKind, string, string, object])[]): Store {
  const store = new Store(() => null);
  for (const [kind, name, version, value] of resources) {
    const problems = store.apply(kind, [{ name, version, bytes: encodeDocument(JSON.stringify(value)) }], []);
    expect(problems).toEqual([]);
  }
  return store;
}

const HELD = storeOf([
  ['issuer', 'b', '1', issuer('b')],
  ['issuer', 'a', '1', issuer('a')],
  ['policy', 'p', '1', policy('p')],
  ['policy', 'with/slash', '1', policy('with/slash')],
  ['sessionKey', 'k', '1', key('k')],
]);
const NO_KEYS = REVISION_KINDS.filter((kind) => kind !== 'sessionKey');

test.each<[string, Revision['resources'], readonly OwnKind[], boolean]>([
  ['nothing named: an empty catalog', {}, REVISION_KINDS, true],
  ['everything named is held', { 'issuer/a': '1', 'policy/p': '1', 'sessionKey/k': '1' }, REVISION_KINDS, true],
  ['a name with a slash is held', { 'policy/with/slash': '1' }, REVISION_KINDS, true],
  ['one is missing', { 'issuer/a': '1', 'issuer/c': '1' }, REVISION_KINDS, false],
  ['one is held in another version', { 'issuer/a': '2' }, REVISION_KINDS, false],
  ['one of a kind that is not subscribed to is missing', { 'sessionKey/other': '1' }, NO_KEYS, true],
  ['one of a kind that is not known is missing', { 'novelty/a': '1' }, REVISION_KINDS, true],
])('%s', (_name, resources, kinds, whole) => {
  expect(assemble(HELD, { revision: 3, resources }, kinds) !== null).toBe(whole);
});

test('the catalog has what the revision names and nothing else, in the order of names', () => {
  const catalog = assemble(
    HELD,
    { revision: 3, resources: { 'issuer/b': '1', 'issuer/a': '1', 'sessionKey/k': '1' } },
    REVISION_KINDS,
  );
  expect(catalog).toEqual({
    revision: 3,
    servers: new Map(),
    surfaces: new Map(),
    policies: new Map(),
    issuers: new Map([
      ['a', issuer('a')],
      ['b', issuer('b')],
    ]),
    sessionKeys: [key('k')],
  });
  expect([...catalog!.issuers.keys()]).toEqual(['a', 'b']);
});
