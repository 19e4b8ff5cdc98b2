// Decides what the command line of the bench means.
import { parseArgs } from 'node:util';
import { LANE_NAMES, type LaneName } from './lanes.ts';

export interface Plan {
  readonly lanes: readonly LaneName[];
  readonly sizes: readonly number[];
  readonly sessions: readonly number[];
  /** Each cell is measured this often, in turns with the other ways. */
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** Before the first cell, each way is called for this long. */
  readonly firstWarmUpMs: number;
}

export interface Options {
  readonly plan: Plan;
  /** Calls of a soak instead of the table. */
  readonly soak: number | null;
  /** Where the result goes as JSON. */
  readonly json: string | null;
  /** A missed target is a failure. */
  readonly check: boolean;
}

export const USAGE = `usage: npm run bench -- [--quick] [--lanes direct,plain,chancery] [--sizes 64,100000] [--sessions 1,16,64]
                        [--json FILE] [--check] [--soak CALLS]
  --quick   one short round for each cell
  --json    write the figures to FILE as well
  --check   end with status 1 when a target is missed
  --soak    make CALLS calls of 64 B in 16 sessions through Chancery and count the errors, instead of the table
`;

const FULL = { rounds: 3, roundMs: 1200, warmUpMs: 300, firstWarmUpMs: 3000 } as const;
const QUICK = { rounds: 1, roundMs: 700, warmUpMs: 200, firstWarmUpMs: 1500 } as const;

/** Total. */
export function readOptions(argv: readonly string[]): Options | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean', default: false },
        lanes: { type: 'string', default: LANE_NAMES.join(',') },
        sizes: { type: 'string', default: '64,100000' },
        sessions: { type: 'string', default: '1,16,64' },
        json: { type: 'string' },
        check: { type: 'boolean', default: false },
        soak: { type: 'string' },
      },
    });
    const lanes = values.lanes.split(',').map((name) => {
      const lane = LANE_NAMES.find((known) => known === name);
      if (lane === undefined) throw new Error(`--lanes: found "${name}", wanted ${LANE_NAMES.join(', ')}`);
      return lane;
    });
    const plan = {
      lanes,
      sizes: counts('--sizes', values.sizes, 1_000_000),
      sessions: counts('--sessions', values.sessions, 512),
      ...(values.quick ? QUICK : FULL),
    };
    const soak = values.soak === undefined ? null : (counts('--soak', values.soak, 100_000_000)[0] ?? null);
    return { plan, soak, json: values.json ?? null, check: values.check };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function counts(flag: string, text: string, max: number): readonly number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (!/^\d+$/.test(part) || value < 1 || value > max) {
      throw new Error(`${flag}: found "${part}", wanted a whole number from 1 to ${max}`);
    }
    return value;
  });
}
