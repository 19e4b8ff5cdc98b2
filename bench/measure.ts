// Decides how much CPU time processes have used, as the system tells it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { psFields } from '../cli/up/process-id.ts';
import { BOUNDS } from './bounds.ts';

/** CPU time in milliseconds by group of processes. */
export type CpuTimes = Readonly<Record<string, number>>;

/** Groups of process ids, e.g. `{ envoy: [12] }`. */
export type Groups = Readonly<Record<string, readonly number[]>>;

let ticks: number | undefined;

/** User and system time since its start, in milliseconds; null when there is no such process. Total. */
export function cpuMsOf(pid: number): number | null {
  if (process.platform !== 'linux') return readPsTime(psFields(pid, 'time=')[0] ?? '');
  try {
    return readStat(readFileSync(`/proc/${pid}/stat`, 'latin1'), ticksPerSecond());
  } catch {
    return null;
  }
}

/** CPU time that the whole machine has used since its start, in milliseconds, by whomever. */
export function machineBusyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** The times of all groups; a process that is gone makes its group's time unknown, which is left out. */
export function cpuTimes(groups: Groups, read: (pid: number) => number | null = cpuMsOf): CpuTimes {
  const times: Record<string, number> = {};
  for (const [name, pids] of Object.entries(groups)) {
    const each = pids.map(read);
    if (!each.includes(null)) times[name] = each.reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
  }
  return times;
}

/** What was used between two readings, for the groups that are in both. Pure. */
export function used(before: CpuTimes, after: CpuTimes): CpuTimes {
  const times: Record<string, number> = {};
  for (const [name, ms] of Object.entries(after)) {
    const first = before[name];
    if (first !== undefined) times[name] = ms - first;
  }
  return times;
}

/** proc_pid_stat(5): after the name in parentheses, fields 14 and 15 are utime and stime in clock ticks. */
export function readStat(stat: string, ticksPerSecond: number): number | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const sum = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(sum) ? (sum * 1000) / ticksPerSecond : null;
}

/** `[[days-]hours:]minutes:seconds`, with a fraction on some systems. */
export function readPsTime(text: string): number | null {
  const match = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(text);
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000;
}

function ticksPerSecond(): number {
  if (ticks === undefined) {
    const usual = 100;
    try {
      ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8', timeout: BOUNDS.psDeadlineMs })) || usual;
    } catch {
      ticks = usual;
    }
  }
  return ticks;
}
