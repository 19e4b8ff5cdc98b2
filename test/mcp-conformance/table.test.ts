import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compare, type Expected, expectedOf } from './expected.ts';
import type { SetResults } from './measure.ts';
import { DOCUMENT_PATH, EXPECTED_PATH } from './places.ts';
import type { Results, Status } from './results.ts';
import { SETS } from './sets.ts';
import { document } from './table.ts';

const results = (scenarios: Readonly<Record<string, Readonly<Record<string, Status>>>>): Results =>
  new Map(Object.entries(scenarios).map(([name, checks]) => [name, new Map(Object.entries(checks))]));

const SET: SetResults = {
  name: 'requirements of 2025-11-25',
  of: 'fixture',
  scored: new Set(['ping']),
  direct: results({ tools: { a: 'SUCCESS', b: 'SUCCESS', c: 'INFO' }, ping: { a: 'SUCCESS', b: 'SKIPPED' } }),
  surfaces: new Map([
    ['single', results({ ping: { a: 'SUCCESS' }, tools: { a: 'WARNING' } })],
    ['federated', results({ ping: { a: 'SUCCESS', b: 'SKIPPED' } })],
  ]),
};
const table = (set: SetResults): string | undefined => document({ ...expectedOf([set]), worse: {} }).split('## ')[1];
const recorded = JSON.parse(readFileSync(EXPECTED_PATH, 'utf8')) as Expected;

test('the document says what is recorded', () => {
  expect(readFileSync(DOCUMENT_PATH, 'utf8')).toBe(document(recorded));
});

test('and every set of scenarios is recorded, with its surfaces', () => {
  const columns = ({ name, surfaces }: (typeof SETS)[number]) => [name, ['direct', ...surfaces]];
  expect(recorded.sets.map((set) => [set.name, set.columns])).toEqual(SETS.map(columns));
});

test('a set is a table in the order of its scenarios; what was not reached counts as failed', () => {
  expect(table(SET)).toBe(`Requirements of 2025-11-25

| Scenario | Scored | Direct | \`single\` | \`federated\` |
| --- | --- | --- | --- | --- |
| ping | yes | 1 / 0 | 1 / 1 | 1 / 0 |
| tools | no | 2 / 0 | 0 / 2 | – |
| **scored** | yes | 1 / 0 | 1 / 1 | 1 / 0 |
| **all** |  | 3 / 0 | 1 / 3 | 1 / 0 |
`);
});

test('without a frozen list there is nothing to be scored', () => {
  const lines = table({ ...SET, scored: null })?.split('\n');
  expect(lines).toContain('| Scenario | Direct | `single` | `federated` |');
  expect(lines?.filter((line) => line.includes('scored**'))).toEqual([]);
});

test('what is worse is named with its reason', () => {
  const check = 'sep-2575-client-populates-meta (ClientPopulatesMeta)';
  const worse = { single: { 'client, specification 2026-07-28': { 'request-metadata': { [check]: 'FAILURE' } } } };
  expect(document({ sets: [], worse } as unknown as Expected).split('## ')[1]).toMatch(
    /^What is worse, and why\n\n- `single`, .*populates-meta.* is FAILURE\n\n {2}Because /,
  );
});

test('what is worse without a reason is not written down', () => {
  const worse = { single: { some: { ping: { 'a (A)': 'FAILURE' } } } } as const;
  expect(() => document({ sets: [], worse })).toThrow(
    '"ping › a (A)" is worse on single (some): mend it, or say why in reasons.ts',
  );
});

test('each check that is compared is counted, and what is as recorded is no difference', () => {
  expect(compare(expectedOf([SET]), [SET])).toEqual({ compared: 7, differences: [] });
});

test('a check that passed direct when it was recorded, and fails now, is a difference although it is no worse', () => {
  const failing: SetResults = { ...SET, direct: results({ ping: { a: 'FAILURE' } }), surfaces: new Map() };
  const passing: SetResults = { ...failing, direct: results({ ping: { a: 'SUCCESS' } }) };
  expect(compare(expectedOf([passing]), [failing]).differences).toEqual([
    'changed: requirements of 2025-11-25 › ping › direct: 0 / 1, recorded as 1 / 0',
  ]);
});

test('a set that is not recorded is a difference in each of its scenarios', () => {
  const found = compare({ sets: [], worse: {} }, [{ ...SET, surfaces: new Map() }]);
  expect(found.differences).toEqual([
    'changed: requirements of 2025-11-25 › ping › direct: 1 / 0, recorded as –',
    'changed: requirements of 2025-11-25 › tools › direct: 2 / 0, recorded as –',
  ]);
});
