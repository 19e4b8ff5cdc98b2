// Decides which command the command line means, and hands it the settings.

import { ROOT_DIR } from '../core/runtime/process.ts';
import { resolveSettings, SettingError } from '../core/runtime/settings.ts';
import { COMMANDS, type CommandName, commandNamed, commandRow } from './commands.ts';
import { type CliContext, EXIT_STATUSES } from './context.ts';
import { splitFlags } from './flags.ts';
import { help, helpOf, helpOfGroup } from './help.ts';
import { readHidden } from './hidden-input.ts';
import { suggestion } from './suggest.ts';
import { oneLine } from './terminal.ts';

async function main(argv: readonly string[]): Promise<number> {
  const out = (text: string): void => void process.stdout.write(text);
  const err = (text: string): void => void process.stderr.write(text);
  // Whoever reads may be gone (npm was killed, `| head`): that must not keep the parts from being stopped.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  if (['--help', '-h', 'help'].includes(argv[0] ?? '')) {
    const about = commandNamed(argv.slice(1));
    out(about === null ? help() : helpOf(about.name));
    return EXIT_STATUSES.done.status;
  }
  const found = commandNamed(argv);
  const group = groupOf(argv);
  if (found === null && group.length > 0 && asksForHelp(argv)) {
    out(helpOfGroup(group));
    return EXIT_STATUSES.done.status;
  }
  if (found === null) {
    err(argv.length === 0 ? help() : `chancery: ${unknownCommand(argv)}\n`);
    return EXIT_STATUSES.failed.status;
  }
  const { name, args: rest } = found;
  if (asksForHelp(rest)) {
    out(helpOf(name));
    return EXIT_STATUSES.done.status;
  }
  const split = splitFlags(rest);
  if ('problem' in split) {
    err(`chancery: ${split.problem}\n`);
    return EXIT_STATUSES.failed.status;
  }
  try {
    const settings = resolveSettings(split.flags, process.env, process.cwd());
    const run = await commandRow(name).load();
    const context: CliContext = {
      settings,
      rootDir: ROOT_DIR,
      cwd: process.cwd(),
      env: process.env,
      out,
      err,
      nowMs: Date.now,
      outIsTerminal: process.stdout.isTTY,
      ...(process.stdin.isTTY && { readHidden: (prompt: string) => readHidden(prompt, process.stdin, err) }),
    };
    return await run(split.args, context);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    err(`chancery: ${error.message}\n`);
    return EXIT_STATUSES.failed.status;
  }
}

/** What is behind `--` is a word, whatever it looks like. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

/** The commands of two words that begin with the first. */
function groupOf([first = '']: readonly string[]): CommandName[] {
  return (Object.keys(COMMANDS) as CommandName[]).filter((name) => name.startsWith(`${first} `));
}

/** `key` alone, and `key` with another word, are answered with what there is of it. */
function unknownCommand(argv: readonly string[]): string {
  const [first = '', second] = argv;
  const names = Object.keys(COMMANDS);
  const group = groupOf(argv);
  if (group.length > 0 && (second === undefined || second.startsWith('-')))
    return `"${first}" wants another word: ${group.join(', ')}`;
  const [written, all] = group.length > 0 ? [`${first} ${second}`, group] : [first, names];
  return oneLine(`there is no command "${written}"${suggestion(written, all)}; the commands are ${all.join(', ')}`);
}

process.exit(await main(process.argv.slice(2)));
