// Decides how a table in the docs is compared with the one in the source that it repeats.
import { readFileSync, writeFileSync } from 'node:fs';

export interface DocsTable {
  /** Path of the document. */
  readonly path: string;
  /** Its heading line, from which it is told. */
  readonly heading: string;
  /** By the first cell: the cells that are generated, in order. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
  /** Whether a cell that is written by hand follows. */
  readonly byHand: boolean;
}

const ESCAPED_BAR = '\\|';

/** The sentences that say where the document differs, with the mend; none when it is in step. UPDATE_DOCS=1 rewrites it first. */
export function differences({ path, heading, rows, byHand }: DocsTable): string[] {
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) return [`the table "${heading}" is missing`];
  let end = start + 2;
  while (lines[end]?.startsWith('|') === true) end++;
  const found = new Map(lines.slice(start + 2, end).map((line) => [cellsOf(line)[0] ?? '', line]));
  const wanted = new Map([...rows].map(([key, cells]) => [key, lineOf(cells, byHand ? handOf(found.get(key)) : null)]));
  if (process.env['UPDATE_DOCS'] === '1') {
    writeFileSync(path, [...lines.slice(0, start + 2), ...wanted.values(), ...lines.slice(end)].join('\n'));
    return differencesIn(wanted, wanted, byHand);
  }
  return differencesIn(found, wanted, byHand);
}

function differencesIn(
  found: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
  byHand: boolean,
): string[] {
  const mend = 'run the tests once with UPDATE_DOCS=1';
  const problems: string[] = [];
  for (const [key, line] of wanted) {
    if (!found.has(key)) problems.push(`${key} is missing: ${mend}${byHand ? ', then write its last cell' : ''}`);
    else if (found.get(key) !== line) problems.push(`${key} differs from the source: ${mend}`);
    else if (byHand && handOf(line) === '')
      problems.push(`${key}: the last cell is empty: write what it means, and what to do`);
  }
  for (const key of found.keys()) if (!wanted.has(key)) problems.push(`${key} is not in the source any more: ${mend}`);
  if (problems.length === 0 && [...found.keys()].join() !== [...wanted.keys()].join())
    problems.push(`the order differs from the source: ${mend}`);
  return problems;
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function handOf(line: string | undefined): string {
  return line === undefined ? '' : (cellsOf(line).at(-1) ?? '');
}

function lineOf(cells: readonly string[], hand: string | null): string {
  const all = [...cells.map((cell) => cell.replaceAll('|', ESCAPED_BAR)), ...(hand === null ? [] : [hand])];
  return `| ${all.join(' | ')} |`;
}
