import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readChecks, readResults, readWorst } from './results.ts';

const folder = mkdtempSync(join(tmpdir(), 'chy-results-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('each check of a scenario has a key of its own', () => {
  const checks = [
    { id: 'a', name: 'One', status: 'SUCCESS' },
    { id: 'a', name: 'Two', status: 'WARNING' },
    { id: 'a', name: 'One', status: 'FAILURE' },
    { id: 'a', name: 'One', status: 'SKIPPED' },
  ];
  expect([...readChecks(checks)]).toEqual([
    ['a (One)', 'SUCCESS'],
    ['a (Two)', 'WARNING'],
    ['a (One) #2', 'FAILURE'],
    ['a (One) #3', 'SKIPPED'],
  ]);
});

test.each([
  ['no list', {}, 'a list of checks is wanted'],
  ['a status that is unknown', [{ id: 'a', name: 'A', status: 'MAYBE' }], 'the status of a is "MAYBE"'],
  ['no status', [{ id: 'a', name: 'A' }], 'the status of a is undefined'],
])('%s is refused', (_name, written, message) => {
  expect(() => readChecks(written)).toThrow(message);
});

test('a folder of results gives its scenarios; one that broke off has no checks', () => {
  const done = join(folder, 'server-server-initialize-2026-11-21T12-57-14-102Z');
  mkdirSync(done, { recursive: true });
  writeFileSync(join(done, 'checks.json'), JSON.stringify([{ id: 'a', name: 'A', status: 'SUCCESS' }]));
  mkdirSync(join(folder, 'server-json-schema-2020-12-2026-11-21T12-57-14-103Z'));
  expect([...readResults(folder, 'server')].map(([scenario, checks]) => [scenario, [...checks]])).toEqual([
    ['json-schema-2020-12', []],
    ['server-initialize', [['a (A)', 'SUCCESS']]],
  ]);
});

test('a client’s folders have no word before the scenario', () => {
  const other = mkdtempSync(join(tmpdir(), 'chy-results-'));
  mkdirSync(join(other, 'sse-retry-2026-11-21T12-57-14-102Z'));
  expect([...readResults(other, 'client').keys()]).toEqual(['sse-retry']);
  rmSync(other, { recursive: true });
});

test('of what a client did several times the worst counts', () => {
  const statuses = ['SUCCESS', 'FAILURE', 'INFO', 'SUCCESS'];
  expect([...readWorst(statuses.map((status) => ({ id: 'a', name: 'A', status })))]).toEqual([['a (A)', 'FAILURE']]);
  expect([...readWorst([{ id: 'a', name: 'A', status: 'INFO' }])]).toEqual([['a (A)', 'INFO']]);
});
