import { expect, test } from 'vitest';
import { CDS, EDS, LDS, RDS, SDS } from './resource-types.ts';
import { type Snapshot, typeSnapshot } from './snapshot.ts';
import { additions, transitionSnapshot } from './transition-snapshot.ts';

/** Label of a type → names, each with its version. */
function snapshotOf(types: Readonly<Record<string, Readonly<Record<string, string>>>>): Snapshot {
  const rows = { CDS, EDS, LDS, RDS, SDS };
  const held = Object.entries(types).map(([label, names]) => {
    const resources = Object.entries(names).map(
      ([name, version]) => [name, { version, bytes: Buffer.from(version) }] as const,
    );
    return [rows[label as keyof typeof rows].typeUrl, typeSnapshot(new Map(resources))] as const;
  });
  return {
    types: new Map(held),
    references: [],
    endpointsOf: new Map(Object.keys(types.EDS ?? {}).map((name) => [name, name])),
  };
}
const shown = (snapshot: Snapshot, { typeUrl }: { typeUrl: string }): string =>
  [...(snapshot.types.get(typeUrl)?.resources ?? [])].map(([name, { version }]) => `${name} ${version}`).join();

const before = snapshotOf({
  CDS: { a: '1', b: '1' },
  EDS: { a: '1', b: '1' },
  SDS: { s: '1' },
  RDS: { r: '1', old: '1' },
});
const next = snapshotOf({ CDS: { b: '2', c: '1' }, EDS: { b: '2', c: '1' }, RDS: { r: '2' } });

test('what comes is there, and what goes is there still: clusters, endpoints and secrets, and no old route', () => {
  const found = transitionSnapshot(before, next);
  expect(shown(found, CDS)).toBe('b 2,c 1,a 1');
  expect(shown(found, EDS)).toBe('b 2,c 1,a 1');
  expect(shown(found, SDS)).toBe('s 1');
  expect(shown(found, RDS)).toBe('r 2');
  expect([...found.endpointsOf.keys()].sort()).toEqual(['a', 'b', 'c']);
});

test('where nothing goes, and at the first time, it is the next one itself', () => {
  const grown = snapshotOf({ CDS: { b: '2', c: '1', d: '1' }, EDS: { b: '2', c: '1' } });
  expect(transitionSnapshot(next, grown)).toBe(grown);
  expect(transitionSnapshot(undefined, next)).toBe(next);
  expect(transitionSnapshot(next, next)).toBe(next);
});

test('additions are the clusters and secrets that were not there', () => {
  expect(additions(before, next)).toEqual([{ typeUrl: CDS.typeUrl, name: 'c' }]);
  expect(additions(next, before)).toEqual([
    { typeUrl: CDS.typeUrl, name: 'a' },
    { typeUrl: SDS.typeUrl, name: 's' },
  ]);
  expect(additions(undefined, next).map(({ name }) => name)).toEqual(['b', 'c']);
  expect(additions(next, next)).toEqual([]);
});
