// Decides which flags of a command line are settings, and which are left to the command.
import { SETTINGS } from '../core/runtime/settings.ts';

export type SplitFlags =
  | { readonly flags: Readonly<Record<string, string>>; readonly args: readonly string[] }
  | { readonly problem: string };

const FLAGS: ReadonlySet<string> = new Set(Object.values(SETTINGS).map((row) => row.flag));

/** Takes `--flag VALUE` and `--flag=VALUE` of every setting out; what is after `--` stays. The last one counts. Total. */
export function splitFlags(argv: readonly string[]): SplitFlags {
  const flags: Record<string, string> = {};
  const args: string[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      args.push(word, ...words);
      break;
    }
    const [, flag = '', value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (!FLAGS.has(flag)) {
      args.push(word);
      continue;
    }
    const given = value ?? words.shift();
    if (given === undefined) return { problem: `--${flag} needs a value` };
    flags[flag] = given;
  }
  return { flags, args };
}
