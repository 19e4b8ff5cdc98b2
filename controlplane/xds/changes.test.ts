import { expect, test } from 'vitest';
import { changesBetween, namesWithTtl } from './changes.ts';
import { type Snapshot, type SnapshotResource, typeSnapshot } from './snapshot.ts';

type Versions = Readonly<Record<string, string | readonly [version: string, ttlMs: number]>>;

const typeOf = (versions: Versions) => {
  const held = Object.entries(versions).map(([name, value]): [string, SnapshotResource] => {
    const [version, ttlMs] = typeof value === 'string' ? [value] : value;
    return [name, { version, bytes: Buffer.from(name), ...(ttlMs === undefined ? {} : { ttlMs }) }];
  });
  return typeSnapshot(new Map(held));
};
const of = (types: Readonly<Record<string, Versions>>): Snapshot => ({
  types: new Map(Object.entries(types).map(([typeUrl, versions]) => [typeUrl, typeOf(versions)])),
  references: [],
  endpointsOf: new Map(),
});

test.each<[string, Readonly<Record<string, Versions>>, Readonly<Record<string, Versions>>, Record<string, string[]>]>([
  ['nothing', { t: { a: '1' } }, { t: { a: '1' } }, {}],
  ['one that has another version', { t: { a: '1', b: '1' } }, { t: { a: '1', b: '2' } }, { t: ['b'] }],
  ['one that came and one that went', { t: { a: '1' } }, { t: { b: '1' } }, { t: ['b', 'a'] }],
  ['one that has another TTL', { t: { a: ['1', 5] } }, { t: { a: ['1', 6] } }, { t: ['a'] }],
  ['one that lost its TTL', { t: { a: ['1', 5] } }, { t: { a: '1' } }, { t: ['a'] }],
  ['a type that came', {}, { t: { a: '1' } }, { t: ['a'] }],
  ['a type that went', { t: { a: '1' } }, {}, { t: ['a'] }],
  ['a type without resources', {}, { t: {} }, {}],
  ['its neighbour is as it was', { t: { a: '1' }, u: { a: '1' } }, { t: { a: '2' }, u: { a: '1' } }, { t: ['a'] }],
])('changed: %s', (_name, before, after, wanted) => {
  const found = [...changesBetween(of(before), of(after))].map(([typeUrl, names]) => [typeUrl, [...names]]);
  expect(Object.fromEntries(found)).toEqual(wanted);
});

test('those with a TTL are known by name', () => {
  const type = typeOf({ a: '1', b: ['1', 5] });
  expect(namesWithTtl(type)).toEqual(['b']);
  expect(namesWithTtl(type)).toBe(namesWithTtl(type));
});
