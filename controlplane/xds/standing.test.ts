import { expect, test } from 'vitest';
import { CDS, EDS, LDS } from './resource-types.ts';
import type { Snapshot } from './snapshot.ts';
import { type Stands, standingOf, wantedNames } from './standing.ts';
import type { Standing } from './stream.ts';

const SNAPSHOT: Snapshot = {
  types: new Map(),
  references: [],
  endpointsOf: new Map([
    ['c', 'c'],
    ['d', 'd-endpoints'],
  ]),
};

interface Row {
  readonly standing: Standing;
  /** Names; null: all. */
  readonly of?: readonly string[] | null;
}

const stream = (rows: Readonly<Record<string, Row>>): Stands => ({
  standing: (typeUrl) => rows[typeUrl]?.standing ?? 'none',
  subscription(typeUrl) {
    const row = rows[typeUrl];
    if (row === undefined) return undefined;
    const names = new Set(row.of ?? []);
    return { names, wildcard: row.of === null, has: (name) => row.of === null || names.has(name) };
  },
});
const cds = (standing: Standing, of: readonly string[] | null = null) => ({ [CDS.typeUrl]: { standing, of } });
const eds = (standing: Standing, of: readonly string[] | null) => ({ [EDS.typeUrl]: { standing, of } });
const C = [{ typeUrl: CDS.typeUrl, name: 'c' }];

test.each<[string, readonly Stands[], Parameters<typeof wantedNames>[0], Standing]>([
  ['nothing of it is subscribed to', [stream(eds('acked', ['c']))], C, 'none'],
  ['the cluster waits', [stream({ ...cds('pending'), ...eds('acked', ['c']) })], C, 'pending'],
  ['the cluster is there, its endpoints are not asked for yet', [stream(cds('acked'))], C, 'pending'],
  ['its endpoints wait', [stream({ ...cds('acked'), ...eds('pending', ['c']) })], C, 'pending'],
  ['its endpoints are refused', [stream({ ...cds('acked'), ...eds('nacked', ['c']) })], C, 'nacked'],
  ['the cluster is refused', [stream({ ...cds('nacked'), ...eds('acked', ['c']) })], C, 'nacked'],
  ['the cluster and its endpoints are there', [stream({ ...cds('acked'), ...eds('acked', ['c']) })], C, 'acked'],
  ['its endpoints come on another stream', [stream(cds('acked')), stream(eds('acked', ['c']))], C, 'acked'],
  [
    'one stream of several waits',
    [stream(cds('acked')), stream(eds('acked', ['c'])), stream(eds('pending', ['c']))],
    C,
    'pending',
  ],
  [
    'endpoints have another name than the cluster',
    [stream({ ...cds('acked'), ...eds('acked', ['d']) })],
    [{ typeUrl: CDS.typeUrl, name: 'd' }],
    'pending',
  ],
  [
    'a cluster that the client does not subscribe to is not waited for',
    [stream({ ...cds('acked', ['c']), ...eds('acked', ['c']) })],
    [...C, { typeUrl: CDS.typeUrl, name: 'd' }],
    'acked',
  ],
  [
    'a cluster without endpoints of its own',
    [stream(cds('acked'))],
    [{ typeUrl: CDS.typeUrl, name: 'static' }],
    'acked',
  ],
  ['all clusters', [stream({ ...cds('acked'), ...eds('acked', ['c']) })], [{ typeUrl: CDS.typeUrl }], 'pending'],
  [
    'all clusters with all endpoints',
    [stream({ ...cds('acked'), ...eds('acked', null) })],
    [{ typeUrl: CDS.typeUrl }],
    'acked',
  ],
  [
    'the worst of several types',
    [stream({ ...cds('acked'), ...eds('acked', null), [LDS.typeUrl]: { standing: 'nacked' } })],
    [{ typeUrl: LDS.typeUrl }, ...C],
    'nacked',
  ],
  ['nothing is waited for', [stream(cds('pending'))], [], 'none'],
])('%s', (_name, streams, wanted, standing) => {
  expect(standingOf(streams, SNAPSHOT, wantedNames(wanted))).toBe(standing);
});

test('without a name all of the type are meant, whatever is named beside', () => {
  const all = { typeUrl: 't' };
  const one = { typeUrl: 't', name: 'a' };
  expect(wantedNames([one, { typeUrl: 't', name: 'b' }])).toEqual(new Map([['t', new Set(['a', 'b'])]]));
  expect(wantedNames([one, all])).toEqual(new Map([['t', null]]));
  expect(wantedNames([all, one])).toEqual(new Map([['t', null]]));
});
