// Decides what the words after a command mean: its flags and its other words, or the one sentence that says what is wrong.
import { parseArgs } from 'node:util';
import { SETTINGS } from '../core/runtime/settings.ts';
import { type COMMANDS, type CommandName, commandRow, type FlagRow } from './commands.ts';
import { type CliContext, EXIT_STATUSES } from './context.ts';
import { suggestion } from './suggest.ts';
import { oneLine } from './terminal.ts';

type ValueOf<Row> = Row extends { readonly multiple: true }
  ? readonly string[]
  : Row extends { readonly value: string }
    ? string | undefined
    : boolean;

export interface Arguments<Name extends CommandName> {
  readonly flags: {
    readonly [flag in keyof (typeof COMMANDS)[Name]['flags']]: ValueOf<(typeof COMMANDS)[Name]['flags'][flag]>;
  };
  readonly words: readonly string[];
}

/** Total. The last one of a flag counts, where it may not be given several times. */
export function readArguments<Name extends CommandName>(
  name: Name,
  args: readonly string[],
): Arguments<Name> | { readonly problem: string } {
  const { flags: rows, words: count } = commandRow(name);
  const options = Object.fromEntries(
    Object.entries(rows).map(([flag, { short, value }]) => [
      flag,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const flags: Record<string, unknown> = Object.fromEntries(
    Object.entries(rows).map(([flag, row]) => [flag, none(row)]),
  );
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const row = Object.hasOwn(rows, token.name) ? rows[token.name] : undefined;
    if (row === undefined) return { problem: unknown(token.rawName, Object.keys(rows)) };
    if (row.value === undefined) {
      if (token.value !== undefined) return { problem: `${token.rawName} takes no value, found "${token.value}"` };
      flags[token.name] = true;
      continue;
    }
    if (token.value === undefined) return { problem: `${token.rawName} needs a value: ${row.value}` };
    // `--why --dry-run` would write what was meant to be tried.
    if (!token.inlineValue && /^-./.test(token.value))
      return {
        problem: `${token.rawName} needs a value, found "${token.value}" (write --${token.name}=VALUE if it is one)`,
      };
    flags[token.name] = row.multiple ? [...(flags[token.name] as readonly string[]), token.value] : token.value;
  }
  const beyond = words[count[1]];
  if (beyond !== undefined) return { problem: `found "${beyond}" where nothing more is wanted` };
  if (words.length < count[0]) return { problem: words.length === 0 ? '' : `found nothing after "${words.at(-1)}"` };
  return { flags: flags as Arguments<Name>['flags'], words };
}

function none(row: FlagRow): unknown {
  if (row.multiple) return [];
  return row.value === undefined ? false : undefined;
}

function unknown(rawName: string, flags: readonly string[]): string {
  const known = [...flags, ...Object.values(SETTINGS).map(({ flag }) => flag), 'help'].map((flag) => `--${flag}`);
  return `there is no flag "${rawName}"${suggestion(rawName, known)}`;
}

export function usageOf(name: CommandName): string {
  return `usage: chancery ${name} ${commandRow(name).usage}`.trimEnd();
}

/** Says what is wrong with a command line. */
export function misused(name: CommandName, problem: string, { err }: Pick<CliContext, 'err'>): number {
  err(`${problem === '' ? '' : `${name}: ${oneLine(problem)}\n`}${usageOf(name)}\n`);
  return EXIT_STATUSES.failed.status;
}

/** Says why a command could not be done. */
export function failed(name: CommandName, sentence: string, { err }: Pick<CliContext, 'err'>): number {
  err(`${name}: ${oneLine(sentence)}\n`);
  return EXIT_STATUSES.failed.status;
}
