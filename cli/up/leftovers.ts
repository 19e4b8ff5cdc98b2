// Decides what happens to the processes of an earlier instance that was killed: they are ended before a new one starts.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { LIMITS } from '../../core/limits.ts';
import { isAlive, isProcessId, type ProcessId, signalGroup } from './process-id.ts';

/** Records the processes that run now (each with its part's name, for people), whole or not at all. */
export function writePids(path: string, ids: readonly ProcessId[]): void {
  const scratch = `${path}.${process.pid}`;
  writeFileSync(scratch, JSON.stringify(ids), { mode: 0o600 });
  renameSync(scratch, path);
}

/** The recorded processes; what makes no sense is left out. Total. */
export function readPids(path: string): readonly ProcessId[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(value) ? value.filter(isProcessId) : [];
  } catch {
    return [];
  }
}

/** Ends processes by id: TERM, then KILL after the grace. Resolves to those that were still there at first. */
export async function endProcesses(
  ids: readonly ProcessId[],
  graceMs: number,
  nowMs: () => number,
): Promise<readonly ProcessId[]> {
  const left = ids.filter((id) => signalGroup(id, 'SIGTERM'));
  const deadlineMs = nowMs() + graceMs;
  while (left.some(isAlive) && nowMs() < deadlineMs) await pause(LIMITS.probePauseMs);
  const stubborn = left.filter((id) => signalGroup(id, 'SIGKILL'));
  const killedMs = nowMs() + graceMs;
  while (stubborn.some(isAlive) && nowMs() < killedMs) await pause(LIMITS.probePauseMs);
  return left;
}

/** Ends what a killed instance left running; resolves to how many there were. */
export async function endLeftovers(path: string, nowMs: () => number): Promise<number> {
  const ended = await endProcesses(readPids(path), LIMITS.stopGraceMs, nowMs);
  rmSync(path, { force: true });
  return ended.length;
}
