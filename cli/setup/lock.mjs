// Decides which of several setups of one checkout works, while the others wait for it.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SetupError } from './program.mjs';

const BEAT_MS = 1_000;
/** The holder touches the file each second; after this it counts as gone, whatever its process id says. */
const STALE_MS = 15_000;
const WAIT_MS = 20 * 60_000;
const LOOK_MS = 200;

/** Holds the lock file `path` while `work` runs. Waits for another holder, with a deadline. */
export async function withLock(path, say, work) {
  mkdirSync(dirname(path), { recursive: true });
  const startedMs = Date.now();
  let told = false;
  while (!take(path)) {
    const holder = holderOf(path);
    if (holder === null) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) say(`waiting for another setup (process ${holder})`);
    told = true;
    if (Date.now() - startedMs > WAIT_MS)
      throw new SetupError(`another setup (process ${holder}) holds ${path} for too long; end it`);
    await pause(LOOK_MS);
  }
  const beat = setInterval(() => touch(path), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(path, { force: true });
  }
}

function take(path) {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The process id of a holder that is alive; null when the lock is stale or gone. */
function holderOf(path) {
  try {
    const { mtimeMs } = statSync(path);
    if (Date.now() - mtimeMs > STALE_MS) return null;
    const pid = Number(readFileSync(path, 'utf8'));
    // The holder may be between creating the file and writing to it.
    if (!Number.isInteger(pid) || pid <= 0) return '?';
    try {
      process.kill(pid, 0);
    } catch (error) {
      if (error.code === 'ESRCH') return null;
    }
    return pid;
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Somebody removed it: the work goes on, and its results appear by renames anyway.
  }
}
