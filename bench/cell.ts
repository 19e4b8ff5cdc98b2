// Decides what one cell of the table says: runs of the generator put together, and the CPU time that was used meanwhile.
import { BOUNDS } from './bounds.ts';
import type { Child } from './children.ts';
import { within } from './deadline.ts';
import { type Counts, quantileUs } from './histogram.ts';
import type { Lane, LaneName } from './lanes.ts';
import type { LoadOrder, LoadReport, LoadResult } from './load-order.ts';
import { type CpuTimes, cpuTimes, type Groups, machineBusyMs, used } from './measure.ts';

/** One run and the CPU time of every group in it. */
export interface Measured {
  readonly result: LoadResult;
  readonly cpuMs: CpuTimes;
  /** CPU time of the whole machine meanwhile. */
  readonly machineMs: number;
}

export interface Cell {
  readonly lane: LaneName;
  readonly textBytes: number;
  readonly sessions: number;
  readonly calls: number;
  readonly failed: number;
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By group of processes. */
  readonly cpuUsPerCall: CpuTimes;
  /** Part of the machine's CPU time that the generator and the backend used. */
  readonly ownShare: number;
  /** The busier of the two, as part of one processor: each of them has one thread. */
  readonly ownBusiest: number;
  /** Part of the machine's CPU time that was used by none of the processes named here. */
  readonly foreignShare: number;
}

/** Runs the generator once. Failures of calls are in the result; @throws when a process ended or a deadline passed. */
export async function measure(
  load: Child,
  lane: Lane,
  order: Omit<LoadOrder, 'target' | 'sessions'> & { readonly sessions: number },
  progress: (calls: number, failed: number) => void = () => {},
): Promise<Measured> {
  const groups = lane.groups();
  let before: CpuTimes = {};
  let machineBeforeMs = 0;
  const done = new Promise<Measured>((resolve) => {
    const off = load.onMessage((message) => {
      const report = message as LoadReport;
      if (report.kind === 'measuring') {
        before = cpuTimes(groups);
        machineBeforeMs = machineBusyMs();
      }
      if (report.kind === 'progress') progress(report.calls, report.failed);
      if (report.kind !== 'done') return;
      off();
      const cpuMs = used(before, cpuTimes(groups));
      const machineMs = machineBusyMs() - machineBeforeMs;
      resolve({ result: withRestarts(report.result, groups, lane.groups()), cpuMs, machineMs });
    });
  });
  const sessions = lane.sessions.slice(0, order.sessions);
  if (sessions.length < order.sessions) throw new Error(`found ${sessions.length} sessions, wanted ${order.sessions}`);
  load.send({ ...order, target: lane.target, sessions } satisfies LoadOrder);
  const askedMs = 'ms' in order.until ? order.until.ms : order.until.calls * BOUNDS.soakCallMs + BOUNDS.runGraceMs;
  const deadlineMs = order.warmUpMs + askedMs + BOUNDS.runGraceMs;
  return within(`a run through ${lane.name}`, deadlineMs, Promise.race([done, load.ended]));
}

/** A process that ended meanwhile is an error, even when no call noticed. */
function withRestarts(result: LoadResult, before: Groups, after: Groups): LoadResult {
  const changed = Object.keys(before).filter((name) => String(before[name]) !== String(after[name]));
  if (changed.length === 0) return result;
  const failures = { ...result.failures, 'a process was started again': changed.length };
  return { ...result, failures, samples: [...result.samples, `started again: ${changed.join(', ')}`] };
}

export function failedIn({ failures }: Pick<LoadResult, 'failures'>): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Pure. `processors` is how many the machine has. */
export function cellOf(
  key: Pick<Cell, 'lane' | 'textBytes' | 'sessions'>,
  rounds: readonly Measured[],
  processors: number,
): Cell {
  const sum = (pick: (round: Measured) => number): number => rounds.reduce((all, round) => all + pick(round), 0);
  const calls = sum(({ result }) => result.calls);
  const elapsedMs = sum(({ result }) => result.elapsedMs);
  const latencies: readonly Counts[] = rounds.map(({ result }) => result.latencies);
  const quantileMs = (quantile: number): number => (quantileUs(latencies, quantile) ?? 0) / 1000;
  const names = Object.keys(rounds[0]?.cpuMs ?? {}).filter((name) => rounds.every(({ cpuMs }) => name in cpuMs));
  const cpuMs = (name: string): number => sum((round) => round.cpuMs[name] ?? 0);
  const [load, backend] = [cpuMs('load'), cpuMs('backend')];
  const foreignMs = sum(({ machineMs }) => machineMs) - names.reduce((all, name) => all + cpuMs(name), 0);
  return {
    ...key,
    calls,
    failed: sum(({ result }) => failedIn(result)),
    rps: elapsedMs > 0 ? (calls * 1000) / elapsedMs : 0,
    p50Ms: quantileMs(0.5),
    p99Ms: quantileMs(0.99),
    cpuUsPerCall: Object.fromEntries(names.map((name) => [name, calls > 0 ? (cpuMs(name) * 1000) / calls : 0])),
    ownShare: elapsedMs > 0 ? (load + backend) / (elapsedMs * processors) : 0,
    ownBusiest: elapsedMs > 0 ? Math.max(load, backend) / elapsedMs : 0,
    foreignShare: elapsedMs > 0 ? Math.max(0, foreignMs) / (elapsedMs * processors) : 0,
  };
}
