import { expect, test } from 'vitest';
import { encodeDocument } from '../grpc/ads.ts';
import { Store } from './store.ts';

const ALLOW = { id: 'r', effect: 'allow', tools: ['*'] };
const policy = (name: string, rules: readonly object[] = [ALLOW]) => ({
  name,
  version: 'tbac/v1',
  surfaces: ['*'],
  rules,
});
const resource = (name: string, version: string, value: unknown) => ({
  name,
  version,
  bytes: encodeDocument(typeof value === 'string' ? value : JSON.stringify(value)),
});
const start = () => new Store(({ name }) => (name.startsWith('bad') ? 'does not compile' : null));

test('what is sent is held, what is removed is not', () => {
  const store = start();
  expect(store.apply('policy', [resource('a', '1', policy('a')), resource('b', '1', policy('b'))], [])).toEqual([]);
  expect(store.versions('policy')).toEqual(
    new Map([
      ['a', '1'],
      ['b', '1'],
    ]),
  );
  expect(store.apply('policy', [resource('a', '2', policy('a'))], ['b', 'never held'])).toEqual([]);
  expect(store.versions('policy')).toEqual(new Map([['a', '2']]));
});

test.each<[string, string, unknown, string]>([
  ['that is no JSON', 'a', '{', 'policy a: is not valid JSON'],
  ['that has the wrong shape', 'a', { name: 'a' }, 'policy a: version: invalid_value'],
  ['that does not compile', 'bad', policy('bad'), 'policy bad: does not compile'],
])('a policy %s is refused, and its neighbour is held', (_name, name, value, problem) => {
  const store = start();
  expect(store.apply('policy', [resource(name, '1', value), resource('n', '1', policy('n'))], [])).toEqual([problem]);
  expect(store.versions('policy')).toEqual(new Map([['n', '1']]));
});

test('what is no document is refused', () => {
  expect(start().apply('policy', [{ name: 'a', version: '1', bytes: Buffer.from([0x0a, 0x05]) }], [])).toEqual([
    'policy a: is no chancery.v1.Document',
  ]);
});

test('a refused version leaves the good one before it', () => {
  const store = start();
  store.apply('policy', [resource('a', '1', policy('a'))], []);
  expect(store.apply('policy', [resource('a', '2', '{')], [])).toHaveLength(1);
  expect(store.held('policy').get('a')).toEqual({ version: '1', value: policy('a') });
});

test('a heartbeat changes nothing', () => {
  const store = start();
  store.apply('policy', [resource('a', '1', policy('a'))], []);
  expect(store.apply('policy', [{ name: 'a', version: '1', bytes: null, ttlMs: 1000 }], [])).toEqual([]);
  expect(store.held('policy').get('a')).toEqual({ version: '1', value: policy('a') });
});
