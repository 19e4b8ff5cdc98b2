import { expect, test } from 'vitest';
import type { Results, Status } from './results.ts';
import { document } from './table.ts';

const results = (scenarios: Readonly<Record<string, Readonly<Record<string, Status>>>>): Results =>
  new Map(Object.entries(scenarios).map(([name, checks]) => [name, new Map(Object.entries(checks))]));

const SET = {
  name: 'requirements of 2025-11-25',
  scored: new Set(['ping']),
  direct: results({ tools: { a: 'SUCCESS', b: 'SUCCESS', c: 'INFO' }, ping: { a: 'SUCCESS', b: 'SKIPPED' } }),
  surfaces: new Map([
    ['single', results({ ping: { a: 'SUCCESS' }, tools: { a: 'WARNING' } })],
    ['federated', results({ ping: { a: 'SUCCESS', b: 'SKIPPED' } })],
  ]),
};

test('a set is a table in the order of its scenarios; what was not reached counts as failed', () => {
  expect(document([SET], {}).split('## ')[1]).toBe(`Requirements of 2025-11-25

| Scenario | Scored | Direct | \`single\` | \`federated\` |
| --- | --- | --- | --- | --- |
| ping | yes | 1 / 0 | 1 / 1 | 1 / 0 |
| tools | no | 2 / 0 | 0 / 2 | – |
| **scored** | yes | 1 / 0 | 1 / 1 | 1 / 0 |
| **all** |  | 3 / 0 | 1 / 3 | 1 / 0 |
`);
});

test('without a frozen list there is nothing to be scored', () => {
  const lines = document([{ ...SET, scored: null }], {}).split('\n');
  expect(lines).toContain('| Scenario | Direct | `single` | `federated` |');
  expect(lines.filter((line) => line.includes('scored**'))).toEqual([]);
});

test('what is worse is named with its reason', () => {
  const check = 'sep-2575-server-sends-tools-list-changed-on-subscription (ServerSendsToolsListChangedOnSubscription)';
  const text = document([SET], {
    single: { 'requirements of 2026-07-28': { 'server-stateless': { [check]: 'WARNING' } } },
  });
  expect(text.split('## ')[1]).toMatch(
    /^What is worse, and why\n\n- `single`, .*sends-tools-list.* is WARNING\n\n {2}Because /,
  );
});

test('what is worse without a reason is not written down', () => {
  expect(() => document([SET], { single: { some: { ping: { 'a (A)': 'FAILURE' } } } })).toThrow(
    '"ping › a (A)" is worse on single (some): mend it, or say why in reasons.ts',
  );
});
