// Decides which figures Chancery must reach, and which it reached.
import type { Cell } from './cell.ts';
import { plainOf, ratio, sizeName } from './table.ts';

interface TargetRow {
  readonly textBytes: number;
  readonly sessions: number;
  readonly what: string;
  readonly read: (cell: Cell, cells: readonly Cell[]) => number | null;
  readonly better: 'more' | 'less';
  readonly bound: number;
  readonly goal?: number;
}

export const TARGETS: readonly TargetRow[] = [
  {
    textBytes: 64,
    sessions: 16,
    what: 'throughput of the plain hop',
    read: ratio,
    better: 'more',
    bound: 0.3,
    goal: 0.4,
  },
  {
    textBytes: 100_000,
    sessions: 16,
    what: 'throughput of the plain hop',
    read: ratio,
    better: 'more',
    bound: 0.14,
    goal: 0.25,
  },
  {
    textBytes: 64,
    sessions: 16,
    what: "CPU per call of Envoy and ext-proc, of the plain hop's Envoy",
    read: cpuRatio,
    better: 'less',
    bound: 5.5,
  },
];

/** Envoy's and ext-proc's CPU time per call, as a multiple of the plain hop's. */
function cpuRatio(cell: Cell, cells: readonly Cell[]): number | null {
  const { envoy, 'ext-proc': extProc } = cell.cpuUsPerCall;
  const plain = plainOf(cell, cells)?.cpuUsPerCall.envoy;
  return envoy === undefined || extProc === undefined || !plain ? null : (envoy + extProc) / plain;
}

export interface Verdict {
  readonly sentence: string;
  readonly met: boolean;
}

/** One verdict for each target whose cells were measured. Pure. */
export function verdicts(cells: readonly Cell[]): readonly Verdict[] {
  return TARGETS.flatMap(({ textBytes, sessions, what, read, better, bound, goal }) => {
    const cell = cells.find(
      (one) => one.lane === 'chancery' && one.textBytes === textBytes && one.sessions === sessions,
    );
    const value = cell === undefined ? null : read(cell, cells);
    if (value === null) return [];
    const met = better === 'more' ? value >= bound : value <= bound;
    const wanted = `wanted ${better === 'more' ? 'at least' : 'at most'} ${bound}${goal === undefined ? '' : `, goal ${goal}`}`;
    return [
      {
        met,
        sentence: `${met ? 'met' : 'MISSED'}: ${sizeName(textBytes)}, ${sessions} sessions: ${what}: ${value.toFixed(2)} (${wanted})`,
      },
    ];
  });
}
