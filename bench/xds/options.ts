// Decides what the command line of the xDS bench means.
import { parseArgs } from 'node:util';

export interface XdsOptions {
  readonly servers: number;
  readonly surfaces: number;
  readonly clients: number;
  /** Of the clients: those that hold everything. The others hold `held` servers each. */
  readonly wildcards: number;
  readonly held: number;
  readonly changes: number;
  /** Writes at once. */
  readonly burst: number;
  /** Where the figures go as JSON. */
  readonly json: string | null;
  /** A missed bound is a failure. */
  readonly check: boolean;
}

const COUNTS = {
  servers: 10_000,
  surfaces: 2_000,
  clients: 500,
  wildcards: 10,
  held: 200,
  changes: 40,
  burst: 1_000,
} as const;
const COUNT_MAX = 1_000_000;

export const USAGE = `usage: npm run bench:xds -- [--servers N] [--surfaces N] [--clients N] [--wildcards N] [--held N]
                            [--changes N] [--burst N] [--json FILE] [--check]
  --wildcards  clients that hold all servers; each of the others holds --held of them
  --burst      writes that are made at once, 32 at a time
  --json       write the figures to FILE as well
  --check      end with status 1 when a bound is missed
`;

/** Total. */
export function readXdsOptions(argv: readonly string[]): XdsOptions | { readonly problem: string } {
  const names = Object.keys(COUNTS) as (keyof typeof COUNTS)[];
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
        json: { type: 'string' },
        check: { type: 'boolean', default: false },
      },
    });
    const counts = { ...COUNTS } as Record<keyof typeof COUNTS, number>;
    for (const name of names) {
      const text = (values as Readonly<Record<string, string | boolean | undefined>>)[name];
      if (text === undefined) continue;
      const count = Number(text);
      if (!Number.isInteger(count) || count < 1 || count > COUNT_MAX)
        return { problem: `--${name}: found ${JSON.stringify(text)}, wanted 1 to ${COUNT_MAX}` };
      counts[name] = count;
    }
    if (counts.wildcards > counts.clients) return { problem: '--wildcards: wanted no more than --clients' };
    return { ...counts, json: values.json ?? null, check: values.check === true };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
