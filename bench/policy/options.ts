// Decides what the command line of the policy bench means.
import { parseArgs } from 'node:util';

export interface PolicyOptions {
  /** A tenth of the batches: for a look, not for a figure. */
  readonly quick: boolean;
  /** Where the figures go as JSON. */
  readonly json: string | null;
  /** A missed bound is a failure. */
  readonly check: boolean;
}

export const USAGE = `usage: npm run bench:policy -- [--quick] [--json FILE] [--check]
  --quick  fewer batches: for a look, not for a figure
  --json   write the figures to FILE as well
  --check  end with status 1 when a bound is missed
`;

/** Total. */
export function readPolicyOptions(argv: readonly string[]): PolicyOptions | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { quick: { type: 'boolean' }, json: { type: 'string' }, check: { type: 'boolean' } },
    });
    return { quick: values.quick === true, json: values.json ?? null, check: values.check === true };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
