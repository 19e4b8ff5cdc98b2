// Decides how the cells are shown: a markdown table, with a mark where the bench itself may have been the bottleneck.
import type { Cell } from './cell.ts';
import { LANE_NAMES } from './lanes.ts';

/** Above this part of the machine's CPU time the generator and the backend hold up what is measured. */
export const OWN_SHARE_MAX = 1 / 3;
/** Above this part of one processor a process with one thread is the bottleneck. */
export const OWN_BUSIEST_MAX = 0.85;
/** Above this part of the machine's CPU time somebody else's work shows in the figures. */
export const FOREIGN_SHARE_MAX = 0.1;

const GROUPS = ['load', 'backend', 'envoy', 'ext-proc', 'others'] as const;

export function sizeName(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${bytes / 1000} KB`;
}

/** The cell of the plain hop with the same size and sessions. */
export function plainOf(cell: Cell, cells: readonly Cell[]): Cell | undefined {
  return cells.find(
    ({ lane, textBytes, sessions }) => lane === 'plain' && textBytes === cell.textBytes && sessions === cell.sessions,
  );
}

/** Throughput as part of the plain hop's; null when there is none. */
export function ratio(cell: Cell, cells: readonly Cell[]): number | null {
  const plain = plainOf(cell, cells);
  return plain === undefined || plain.rps === 0 ? null : cell.rps / plain.rps;
}

/** `*`: over a third of the machine; `!`: one of the two alone fills a processor; `~`: somebody else was busy too. */
export function marks({ ownShare, ownBusiest, foreignShare }: Cell): string {
  const rows: readonly [boolean, string][] = [
    [ownShare > OWN_SHARE_MAX, '*'],
    [ownBusiest > OWN_BUSIEST_MAX, '!'],
    [foreignShare > FOREIGN_SHARE_MAX, '~'],
  ];
  return rows.map(([holds, mark]) => (holds ? mark : '')).join('');
}

export const LEGEND =
  'CPU per call in microseconds. *: generator and backend use over a third of the machine; !: one of them fills a processor; ~: other programs use over a tenth of the machine.';

/** Pure. */
export function markdown(cells: readonly Cell[]): string {
  const header = [
    'size',
    'sessions',
    'way',
    'rps',
    'p50 ms',
    'p99 ms',
    ...GROUPS.map((name) => `${name} us`),
    'of plain',
    'errors',
  ];
  const rows = [...cells]
    .sort(order)
    .map((cell) => [
      sizeName(cell.textBytes),
      String(cell.sessions),
      cell.lane,
      `${Math.round(cell.rps)}${marks(cell)}`,
      cell.p50Ms.toFixed(2),
      cell.p99Ms.toFixed(2),
      ...GROUPS.map((name) => cell.cpuUsPerCall[name]?.toFixed(1) ?? ''),
      ratio(cell, cells)?.toFixed(2) ?? '',
      String(cell.failed),
    ]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => (column === 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

function order(one: Cell, other: Cell): number {
  const lanes = LANE_NAMES.indexOf(one.lane) - LANE_NAMES.indexOf(other.lane);
  return one.textBytes - other.textBytes || one.sessions - other.sessions || lanes;
}
