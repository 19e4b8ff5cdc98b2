import { expect, test } from 'vitest';
import { checkSnapshot } from './check-snapshot.ts';
import { CDS, EDS, LDS, RDS } from './resource-types.ts';
import { type Reference, type Snapshot, typeSnapshot } from './snapshot.ts';

interface Parts {
  readonly clusters?: readonly string[];
  readonly endpoints?: readonly string[];
  readonly routes?: readonly string[];
  readonly endpointsOf?: Readonly<Record<string, string>>;
  readonly references?: readonly Reference[];
}

function snapshotOf(parts: Parts): Snapshot {
  const type = (names: readonly string[] = []) =>
    typeSnapshot(new Map(names.map((name) => [name, { version: '1', bytes: new Uint8Array() }])));
  return {
    types: new Map([
      [CDS.typeUrl, type(parts.clusters)],
      [EDS.typeUrl, type(parts.endpoints)],
      [LDS.typeUrl, type(['l'])],
      [RDS.typeUrl, type(parts.routes)],
    ]),
    references: parts.references ?? [],
    endpointsOf: new Map(Object.entries(parts.endpointsOf ?? {})),
  };
}

const toCluster = (name: string): Reference => ({ to: 'cluster', name, from: 'RDS "r" route.cluster' });
const toRoute = (name: string): Reference => ({ to: 'route', name, from: 'LDS "l" rds.route_config_name' });

test.each<[string, Parts, readonly string[]]>([
  ['an empty one is consistent', {}, []],
  [
    'a whole one is consistent',
    {
      clusters: ['c'],
      endpoints: ['e'],
      routes: ['r'],
      endpointsOf: { c: 'e' },
      references: [toCluster('c'), toRoute('r')],
    },
    [],
  ],
  ['a cluster of the bootstrap is there', { references: [toCluster('boot')] }, []],
  ['a cluster without EDS needs no endpoints', { clusters: ['c'] }, []],
  ['a missing cluster', { references: [toCluster('c')] }, ['RDS "r" route.cluster: there is no cluster "c"']],
  [
    'a missing route configuration',
    { references: [toRoute('r')] },
    ['LDS "l" rds.route_config_name: there is no route "r"'],
  ],
  ['missing endpoints', { clusters: ['c'], endpointsOf: { c: 'e' } }, ['CDS "c": there are no endpoints "e"']],
  ['endpoints of nobody', { endpoints: ['e'] }, ['EDS "e": no cluster asks for these endpoints']],
  [
    'all problems at once',
    { endpoints: ['e'], references: [toCluster('c')] },
    ['RDS "r" route.cluster: there is no cluster "c"', 'EDS "e": no cluster asks for these endpoints'],
  ],
])('%s', (_name, parts, problems) => {
  expect(checkSnapshot(snapshotOf(parts), ['boot'])).toEqual(problems);
});
