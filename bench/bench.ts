// Decides the course of the bench: warm every way up, then measure cell by cell, the ways in turns.
import { type Cell, cellOf, failedIn, type Measured, measure } from './cell.ts';
import type { Lane, Lanes } from './lanes.ts';
import type { LoadResult } from './load-order.ts';
import type { Plan } from './options.ts';
import { sizeName } from './table.ts';

/** The size and the sessions in which the targets are set; a soak and the first warm-up use them. */
export const USUAL = { textBytes: 64, sessions: 16 } as const;

/** What calls failed on, in words. */
export interface Trouble {
  readonly where: string;
  readonly result: Pick<LoadResult, 'failures' | 'samples'>;
}

export interface Table {
  readonly cells: readonly Cell[];
  readonly troubles: readonly Trouble[];
}

export async function fillTable(
  { lanes, load }: Lanes,
  plan: Plan,
  processors: number,
  say: (line: string) => void,
): Promise<Table> {
  const troubles: Trouble[] = [];
  const note = (where: string, { result }: Measured): void => {
    if (failedIn(result) > 0) troubles.push({ where, result });
  };
  const sessionsMax = Math.max(...plan.sessions);
  for (const lane of lanes) {
    say(`warming up: ${lane.name}`);
    for (const textBytes of plan.sizes) {
      const sessions = Math.min(USUAL.sessions, sessionsMax);
      const until = { ms: plan.firstWarmUpMs / plan.sizes.length };
      note(`warm-up of ${lane.name}`, await measure(load, lane, { sessions, textBytes, warmUpMs: 0, until }));
    }
  }
  const cells: Cell[] = [];
  for (const textBytes of plan.sizes) {
    for (const sessions of plan.sessions) {
      say(`measuring: ${sizeName(textBytes)}, sessions: ${sessions}`);
      const rounds = new Map<Lane, Measured[]>(lanes.map((lane) => [lane, []]));
      // In turns, so that a busy moment of the machine meets all ways alike.
      for (let round = 0; round < plan.rounds; round += 1) {
        for (const [lane, measured] of rounds) {
          const order = { sessions, textBytes, warmUpMs: plan.warmUpMs, until: { ms: plan.roundMs } };
          const one = await measure(load, lane, order);
          note(`${lane.name}, ${sizeName(textBytes)}, ${sessions} sessions`, one);
          measured.push(one);
        }
      }
      for (const [lane, measured] of rounds)
        cells.push(cellOf({ lane: lane.name, textBytes, sessions }, measured, processors));
    }
  }
  return { cells, troubles };
}

/** Many calls through one way, to count the errors. */
export async function soak(
  { lanes, load }: Lanes,
  calls: number,
  processors: number,
  say: (line: string) => void,
): Promise<Table> {
  const [lane] = lanes;
  if (lane === undefined) throw new Error('a soak needs a way to call');
  const order = { ...USUAL, warmUpMs: 0, until: { calls } };
  const measured = await measure(load, lane, order, (made, failed) =>
    say(`${made} of ${calls} calls, ${failed} errors`),
  );
  const where = `soak of ${lane.name}`;
  const troubles = failedIn(measured.result) > 0 ? [{ where, result: measured.result }] : [];
  return { cells: [cellOf({ lane: lane.name, ...USUAL }, [measured], processors)], troubles };
}
