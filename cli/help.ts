// Decides what the help says, of all commands or of one.
import { SETTINGS } from '../core/runtime/settings.ts';
import { API_ENVIRONMENT } from './api-address.ts';
import { COMMANDS, type CommandName, commandRow, type FlagRow } from './commands.ts';
import { EXIT_STATUSES } from './context.ts';

export function help(): string {
  const names = Object.keys(COMMANDS) as CommandName[];
  return lines([
    'usage:',
    ...columns(names.map((name) => [`chancery ${name} ${commandRow(name).usage}`, commandRow(name).doc])),
    '',
    'each command says more with --help',
    '',
    ...exits(),
    '',
    'environment, for a control plane elsewhere:',
    ...columns(Object.entries(API_ENVIRONMENT)),
    '',
    'settings, as flag or environment variable:',
    ...columns(Object.values(SETTINGS).map(({ flag, env }) => [`--${flag}`, env])),
  ]);
}

export function helpOf(name: CommandName): string {
  const { usage, doc, flags, examples } = commandRow(name);
  const rows = Object.entries(flags).map(([flag, row]): [string, string] => [flagText(flag, row), row.doc]);
  return lines([
    `usage: chancery ${name} ${usage}`.trimEnd(),
    doc,
    ...(rows.length === 0 ? [] : ['', 'flags:', ...columns(rows)]),
    '',
    'examples:',
    ...examples.map((example) => `  chancery ${example}`),
    '',
    ...exits('dry-run' in flags),
  ]);
}

/** What begins so, e.g. all of `approvals`. */
export function helpOfGroup(names: readonly CommandName[]): string {
  return lines([
    'usage:',
    ...columns(names.map((name) => [`chancery ${name} ${commandRow(name).usage}`, commandRow(name).doc])),
    '',
    'each command says more with --help',
  ]);
}

function flagText(flag: string, { short, value, multiple }: FlagRow): string {
  return [short === undefined ? `--${flag}` : `-${short}, --${flag}`, value, multiple && '…'].filter(Boolean).join(' ');
}

/** `tries`: whether it has --dry-run. */
function exits(tries = true): readonly string[] {
  const statuses = Object.values(EXIT_STATUSES).filter(
    ({ status }) => tries || status < EXIT_STATUSES.wouldChange.status,
  );
  const rows = statuses.map(({ status, doc }) => [
    String(status),
    tries ? doc : doc.replace(/; with --dry-run.*$/, ''),
  ]);
  return ['exit status:', ...columns(rows as [string, string][])];
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.trimEnd().padEnd(width)}  ${second}`);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
