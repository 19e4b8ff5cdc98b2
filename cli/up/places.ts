// Decides where an instance keeps its data, sockets and logs, and that nobody else can reach them.
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { operatorTokenPath } from '../../controlplane/keys/operator-token.ts';
import { BOOTSTRAP_FILE, SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Settings } from '../../core/runtime/settings.ts';

export interface Places {
  readonly home: string;
  readonly runDir: string;
  readonly logDir: string;
  readonly lock: string;
  /** Process ids of the parts, for the next start when this one is killed. */
  readonly pids: string;
  readonly bootstrap: string;
  readonly operatorToken: string;
}

export interface Owner {
  readonly uid: number;
  readonly tmpDir: string;
}

/** The places of the instance that `settings` describe. Pure. */
export function placesOf(settings: Pick<Settings, 'home' | 'runDir'>, owner: Owner): Places {
  const { home } = settings;
  const runDir = settings.runDir !== '' ? settings.runDir : chooseRunDir(home, owner);
  return {
    home,
    runDir,
    logDir: join(home, 'logs'),
    lock: join(home, 'up.lock'),
    pids: join(home, 'up.pids.json'),
    bootstrap: join(runDir, BOOTSTRAP_FILE),
    operatorToken: operatorTokenPath(home),
  };
}

function chooseRunDir(home: string, owner: Owner): string {
  const near = join(home, 'run');
  if (Buffer.byteLength(near) + 1 + LIMITS.socketNameBytesMax <= LIMITS.socketPathBytesMax) return near;
  const digest = createHash('sha256').update(home).digest('hex').slice(0, 12);
  return join(owner.tmpDir, `chancery-${owner.uid}-${digest}`);
}

/** Creates the folders with mode 0700. Null, or the sentence that says which one cannot be used and why. */
export function makePlaces(places: Places, owner: Owner): string | null {
  const { home, runDir, logDir } = places;
  for (const [what, path] of [
    ['home', home],
    ['run', runDir],
    ['log', logDir],
  ] as const) {
    const problem = makePrivate(what, path, owner, path === home || path.startsWith(`${home}/`));
    if (problem !== null) return problem;
  }
  if (Buffer.byteLength(runDir) + 1 + LIMITS.socketNameBytesMax > LIMITS.socketPathBytesMax) {
    return `the run folder ${runDir} is too long for the path of a Unix socket; choose another with --run-dir or CHANCERY_RUN_DIR`;
  }
  return null;
}

function makePrivate(what: string, path: string, owner: Owner, ours: boolean): string | null {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // Whoever may write to the folder above could have placed a link, or a folder of theirs, there before.
    const stat = lstatSync(path);
    if (!stat.isDirectory()) return `the ${what} folder ${path} is not a folder`;
    if (stat.uid !== owner.uid)
      return `the ${what} folder ${path} belongs to another user (uid ${stat.uid}, wanted ${owner.uid})`;
    if ((stat.mode & 0o077) === 0) return null;
    // Never narrow a folder that others may rely on, such as the system's temporary one.
    if (!ours || (stat.mode & 0o022) !== 0)
      return `the ${what} folder ${path} is open to others; "chmod 700" it, or choose another`;
    chmodSync(path, 0o700);
    return null;
  } catch (error) {
    return `the ${what} folder ${path} cannot be used: ${(error as Error).message}`;
  }
}

/** Removes what an ended instance left in the run folder: its sockets (and no others) and the bootstrap. */
export function sweepRunDir(places: Places, foreignSockets: readonly string[]): void {
  const own = new Set<string>([...Object.values(SOCKETS), ...foreignSockets]);
  for (const name of listed(places.runDir)) {
    if (own.has(name) || isBridgeSocket(name) || isInstanceSocket(name))
      rmSync(join(places.runDir, name), { force: true });
  }
  rmSync(places.bootstrap, { force: true });
}

/** Removes the run folder itself when it lies elsewhere than in the home folder and is empty. */
export function removeRunDir({ home, runDir }: Places): void {
  if (runDir.startsWith(`${home}/`)) return;
  try {
    rmdirSync(runDir);
  } catch {
    // Somebody else's file is in it.
  }
}

/** True for the sockets on which the bridge listens; see `bridgeSocket`. */
export function isBridgeSocket(name: string): boolean {
  return /^bridge-.+\.sock$/.test(name);
}

/** True for those of ext-proc, however many there were; see `extProcSocket` and `instanceSocket`. */
function isInstanceSocket(name: string): boolean {
  return /^(ext-proc|instance)-[0-9]+\.sock$/.test(name);
}

/** The names in the run folder; none when it is gone. */
export function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
