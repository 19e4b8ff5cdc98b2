import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences } from './support/docs-table.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chy-docs-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const HEADING = '| a | b | c |';
function found(...lines: string[]): string[] {
  const path = join(folder, 'x.md');
  writeFileSync(path, ['# X', '', ...lines, '', 'end'].join('\n'));
  return differences({
    path,
    heading: HEADING,
    rows: new Map([
      ['1', ['1', 'x|y']],
      ['2', ['2', 'z']],
    ]),
    byHand: true,
  });
}
const GOOD = [HEADING, '|---|---|---|', '| 1 | x\\|y | one |', '| 2 | z | two |'];

test.each<[string, string[], string[]]>([
  ['a table in step', GOOD, []],
  ['no table', [], ['the table "| a | b | c |" is missing']],
  [
    'a row too few',
    GOOD.slice(0, 3),
    ['2 is missing: run the tests once with UPDATE_DOCS=1, then write its last cell'],
  ],
  [
    'a row too many',
    [...GOOD, '| 3 | z | three |'],
    ['3 is not in the source any more: run the tests once with UPDATE_DOCS=1'],
  ],
  [
    'a cell that differs',
    [...GOOD.slice(0, 3), '| 2 | zz | two |'],
    ['2 differs from the source: run the tests once with UPDATE_DOCS=1'],
  ],
  [
    'a cell that nobody wrote',
    [...GOOD.slice(0, 3), '| 2 | z |  |'],
    ['2: the last cell is empty: write what it means, and what to do'],
  ],
  [
    'another order',
    [GOOD[0]!, GOOD[1]!, GOOD[3]!, GOOD[2]!],
    ['the order differs from the source: run the tests once with UPDATE_DOCS=1'],
  ],
])('%s', (_, lines, wanted) => {
  expect(found(...lines)).toEqual(wanted);
});
