// Decides which command the command line means, and hands it the settings.

import { ROOT_DIR } from '../core/runtime/process.ts';
import { resolveSettings, SETTINGS, SettingError } from '../core/runtime/settings.ts';
import type { CliContext, Command } from './context.ts';
import { splitFlags } from './flags.ts';

interface CommandRow {
  readonly usage: string;
  readonly doc: string;
  readonly load: () => Promise<{ readonly run: Command }>;
}

const COMMANDS: Readonly<Record<string, CommandRow>> = {
  up: { usage: 'up [--example NAME]', doc: 'run everything until Ctrl-C', load: () => import('./up/up.ts') },
  apply: {
    usage: 'apply -f FILE',
    doc: 'write documents into the registry',
    load: () => import('./commands/apply.ts'),
  },
  get: {
    usage: 'get servers|surfaces|policies|nodes [-o json]',
    doc: 'show what the registry holds, or who is connected',
    load: () => import('./commands/get.ts'),
  },
  token: {
    usage: 'token [--sub NAME] [--surface S] [--groups A,B]',
    doc: 'print a bearer token',
    load: () => import('./commands/token.ts'),
  },
};

function help(): string {
  const rows = Object.values(COMMANDS).map(({ usage, doc }) => `  chancery ${usage.padEnd(51)}${doc}`);
  const flags = Object.values(SETTINGS).map(({ flag, env }) => `  --${flag.padEnd(20)}${env}`);
  return ['usage:', ...rows, '', 'settings, as flag or environment variable:', ...flags, ''].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const out = (text: string): void => void process.stdout.write(text);
  const err = (text: string): void => void process.stderr.write(text);
  // Whoever reads may be gone (npm was killed, `| head`): that must not keep the parts from being stopped.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  const [name = '', ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    out(help());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    err(
      name === ''
        ? help()
        : `chancery: there is no command "${name}"; the commands are ${Object.keys(COMMANDS).join(', ')}\n`,
    );
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    out(`usage: chancery ${command.usage}\n${command.doc}\n`);
    return 0;
  }
  const split = splitFlags(rest);
  if ('problem' in split) {
    err(`chancery: ${split.problem}\n`);
    return 2;
  }
  try {
    const settings = resolveSettings(split.flags, process.env, process.cwd());
    const { run } = await command.load();
    const context: CliContext = {
      settings,
      rootDir: ROOT_DIR,
      cwd: process.cwd(),
      env: process.env,
      out,
      err,
      nowMs: Date.now,
    };
    return await run(split.args, context);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    err(`chancery: ${error.message}\n`);
    return 2;
  }
}

process.exit(await main(process.argv.slice(2)));
