// Decides which process a recorded process id still means: an id is used again, an id with its start time is not.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  /** Opaque: when it started, as the system tells. */
  readonly start: string;
}

const PS_DEADLINE_MS = 2_000;
let bootId: string | undefined;

/** When the process `pid` started; null when there is none (a zombie counts as none). */
export function startOf(pid: number): string | null {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/** The identity of a process that is alive; null when there is none. */
export function identify(pid: number): ProcessId | null {
  const start = startOf(pid);
  return start === null ? null : { pid, start };
}

export function isAlive(id: ProcessId): boolean {
  return startOf(id.pid) === id.start;
}

export function isProcessId(value: unknown): value is ProcessId {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, start } = value as Partial<Record<keyof ProcessId, unknown>>;
  return Number.isInteger(pid) && (pid as number) > 1 && typeof start === 'string' && start !== '';
}

/**
 * Signals a process and its whole group, if it still is the one that was recorded. False when it is gone.
 * A part leads a group of its own, so what it started itself is reached too.
 */
export function signalGroup(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    process.kill(-id.pid, signal);
    return true;
  } catch {
    return false;
  }
}

function startFromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc_pid_stat(5): the name, in parentheses, may hold anything; field 3 is the state, 22 the start in ticks since boot.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X' || ticks === undefined) return null;
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${bootId}/${ticks}`;
  } catch {
    return null;
  }
}

function startFromPs(pid: number): string | null {
  const [state = '', ...start] = psFields(pid, 'state=,lstart=');
  return state === '' || state.startsWith('Z') ? null : start.join(' ');
}

/** What ps(1) tells of a process, for systems without /proc; empty when there is no such process. */
export function psFields(pid: number, columns: string): readonly string[] {
  try {
    const args = ['-o', columns, '-p', String(pid)];
    return execFileSync('ps', args, { encoding: 'utf8', timeout: PS_DEADLINE_MS, stdio: 'pipe' }).trim().split(/\s+/);
  } catch {
    return [];
  }
}
