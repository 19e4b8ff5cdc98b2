// Decides whose end means that nobody waits for this instance any more: npm, npx or our launcher, when one of them started it.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { LIMITS } from '../../core/limits.ts';
import { identify, type ProcessId, psFields } from './process-id.ts';

/** How many processes (shells, our launcher) may lie between npm and us. */
const LEVELS_MAX = 4;
const RUNNERS = new Set(['npm', 'npx', 'pnpm', 'yarn', 'npm-cli.js', 'npx-cli.js']);

interface ProcessRow {
  readonly ppid: number;
  readonly argv: readonly string[];
}

export type ReadProcess = (pid: number) => ProcessRow | null;

/**
 * The processes to watch, nearest first; none when a person's shell or a service manager started us directly, as such
 * an instance may outlive its shell.
 */
export function launchersOf(
  env: Readonly<Record<string, string | undefined>>,
  ppid: number,
  read: ReadProcess = readProcess,
): readonly number[] {
  const launched = env.CHANCERY_LAUNCHER === String(ppid) ? [ppid] : [];
  if (env.npm_execpath === undefined) return launched;
  const chain: number[] = [];
  for (let pid = ppid; pid > 0 && chain.length < LEVELS_MAX; ) {
    const row = read(pid);
    if (row === null) break;
    chain.push(pid);
    if (isRunner(row.argv)) return chain;
    pid = row.ppid;
  }
  return launched;
}

/** Calls `gone` once when one of the processes ends. Returns what stops the watch. */
export function watchLaunchers(ids: readonly ProcessId[], gone: () => void): () => void {
  if (ids.length === 0) return () => {};
  const timer = setInterval(() => {
    if (ids.every(({ pid, start }) => identify(pid)?.start === start)) return;
    clearInterval(timer);
    gone();
  }, LIMITS.launcherPollMs);
  return () => clearInterval(timer);
}

/** npm writes its title over its arguments ("npm start"), others show as `node …/npx-cli.js`. */
function isRunner(argv: readonly string[]): boolean {
  const [first = '', second = ''] = argv;
  return RUNNERS.has(basename(first.split(' ')[0] ?? '')) || RUNNERS.has(basename(second));
}

function readProcess(pid: number): ProcessRow | null {
  if (process.platform !== 'linux') {
    const [ppid, ...argv] = psFields(pid, 'ppid=,command=');
    return ppid === undefined ? null : { ppid: Number(ppid), argv };
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return { ppid: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]), argv };
  } catch {
    return null;
  }
}
