import { describe, expect, test } from 'vitest';
import { differences, type Recorded, worseThan } from './compare.ts';
import type { Results, Status } from './results.ts';

const results = (checks: Readonly<Record<string, Status>>): Results =>
  new Map([['ping', new Map(Object.entries(checks))]]);

describe('a check through the gateway', () => {
  test.each<[string, Readonly<Record<string, Status>>, Readonly<Record<string, Status>>, object]>([
    ['that passes as it does direct is not worse', { a: 'SUCCESS' }, { a: 'SUCCESS' }, {}],
    ['that fails is worse', { a: 'SUCCESS' }, { a: 'FAILURE' }, { ping: { a: 'FAILURE' } }],
    ['that warns is worse', { a: 'SUCCESS' }, { a: 'WARNING' }, { ping: { a: 'WARNING' } }],
    ['that is skipped is worse', { a: 'SUCCESS' }, { a: 'SKIPPED' }, { ping: { a: 'SKIPPED' } }],
    ['that is not reached is worse', { a: 'SUCCESS', b: 'SUCCESS' }, { b: 'SUCCESS' }, { ping: { a: 'MISSING' } }],
    [
      'that only a failure brings about is worse',
      { a: 'SUCCESS' },
      { a: 'SUCCESS', b: 'FAILURE' },
      { ping: { b: 'FAILURE' } },
    ],
    [
      'that was not reached direct, as the scenario failed there, is not worse',
      { a: 'FAILURE' },
      { a: 'FAILURE', b: 'FAILURE' },
      {},
    ],
    ['that fails direct as well is not worse', { a: 'FAILURE' }, { a: 'FAILURE' }, {}],
    ['that fails direct and is not reached is not worse', { a: 'FAILURE' }, {}, {}],
    ['that passes where it fails direct is not worse', { a: 'FAILURE' }, { a: 'SUCCESS' }, {}],
    ['that is about something optional is not worse', { a: 'SUCCESS' }, { a: 'INFO' }, {}],
    ['that only tells what was seen may be absent', { a: 'INFO' }, {}, {}],
  ])('%s', (_name, direct, gateway, wanted) => {
    expect(worseThan(results(direct), results(gateway))).toEqual(wanted);
  });

  test('is worse when its whole scenario is absent', () => {
    expect(worseThan(results({ a: 'SUCCESS' }), new Map())).toEqual({ ping: { a: 'MISSING' } });
  });
});

describe('what is worse, beside what was recorded', () => {
  const recorded = (outcome?: 'WARNING' | 'FAILURE'): Recorded =>
    outcome === undefined ? {} : { single: { set: { ping: { a: outcome } } } };
  test.each<[string, Recorded, Recorded, string[]]>([
    ['the same', recorded('FAILURE'), recorded('FAILURE'), []],
    ['nothing, both times', recorded(), recorded(), []],
    ['more', recorded(), recorded('WARNING'), ['worse: single › set › ping › a: WARNING, recorded as no worse']],
    [
      'worse',
      recorded('WARNING'),
      recorded('FAILURE'),
      ['worse: single › set › ping › a: FAILURE, recorded as WARNING'],
    ],
    [
      'better',
      recorded('FAILURE'),
      recorded('WARNING'),
      ['stale: single › set › ping › a: WARNING, recorded as FAILURE'],
    ],
    [
      'gone',
      recorded('FAILURE'),
      recorded(),
      ['stale: single › set › ping › a: recorded as FAILURE, but it is not worse any more'],
    ],
  ])('%s', (_name, before, found, wanted) => {
    expect(differences(before, found).map(({ kind, text }) => `${kind}: ${text}`)).toEqual(wanted);
  });
});
