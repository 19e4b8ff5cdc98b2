// Decides which of several starts on one home folder may run.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { LIMITS } from '../../core/limits.ts';
import { isAlive, isProcessId, type ProcessId } from './process-id.ts';

/** What the lock file holds. */
export interface LockHolder {
  readonly owner: ProcessId;
  /** Who started the owner (npm, a shell); when one of them is gone, the owner is going down. */
  readonly launchers: readonly ProcessId[];
}

export type LockResult = { readonly held: true } | { readonly held: false; readonly owner: ProcessId };

/**
 * Takes the lock file. A lock whose owner is dead is taken over; an owner that is going down is waited for (at most
 * LIMITS.earlierInstanceDeadlineMs); a live one keeps it.
 */
export async function takeLock(path: string, holder: LockHolder, nowMs: () => number): Promise<LockResult> {
  const deadlineMs = nowMs() + LIMITS.earlierInstanceDeadlineMs;
  for (;;) {
    if (create(path, holder)) return { held: true };
    const found = readLock(path);
    if (found === 'gone') continue;
    if (found === null || !isAlive(found.owner)) {
      takeAway(path, found);
      continue;
    }
    const goingDown = found.launchers.some((launcher) => !isAlive(launcher));
    if (!goingDown || nowMs() > deadlineMs) return { held: false, owner: found.owner };
    await pause(LIMITS.probePauseMs);
  }
}

/** Gives the lock back, if it still is ours. */
export function releaseLock(path: string, owner: ProcessId): void {
  const found = readLock(path);
  if (found !== null && found !== 'gone' && sameProcess(found.owner, owner)) rmSync(path, { force: true });
}

/** Who holds the lock; null when the file makes no sense, `gone` when there is none. */
export function readLock(path: string): LockHolder | null | 'gone' {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const { owner, launchers } = value as Partial<Record<keyof LockHolder, unknown>>;
    if (!isProcessId(owner) || !Array.isArray(launchers) || !launchers.every(isProcessId)) return null;
    return { owner, launchers };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : null;
  }
}

/** A link appears whole or not at all, so nobody ever reads half a lock. */
function create(path: string, holder: LockHolder): boolean {
  const scratch = `${path}.${process.pid}`;
  writeFileSync(scratch, JSON.stringify(holder), { mode: 0o600 });
  try {
    linkSync(scratch, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(scratch, { force: true });
  }
}

/** Moves a stale lock aside; when another start was faster and its fresh lock was moved, puts that one back. */
function takeAway(path: string, stale: LockHolder | null): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    const moved = readLock(aside);
    const ours =
      stale === null ? moved === null : moved !== null && moved !== 'gone' && sameProcess(moved.owner, stale.owner);
    if (!ours) linkSync(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function sameProcess(one: ProcessId, other: ProcessId): boolean {
  return one.pid === other.pid && one.start === other.start;
}
