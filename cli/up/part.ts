// Decides the life of one part: started, started again after a pause when it ends, stopped in two steps.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '../../core/limits.ts';
import { openPartLog } from './part-log.ts';
import type { PartSpec } from './parts.ts';
import { listed, type Places } from './places.ts';
import { identify, type ProcessId } from './process-id.ts';
import { nextRestart } from './restart.ts';

/** How a part ended by itself. */
export interface PartEnd {
  readonly name: string;
  /** E.g. `exit status 1` or `signal SIGKILL`. */
  readonly how: string;
  readonly status: number | null;
  /** Quick ends in a row, this one included. */
  readonly failures: number;
  readonly pauseMs: number;
  readonly logPath: string;
  readonly lastLines: readonly string[];
}

export interface PartEvents {
  readonly onStart: (id: ProcessId) => void;
  /** The process is gone, whoever wanted it. */
  readonly onGone: (pid: number) => void;
  /** It ended by itself, and will be started again unless it is stopped. */
  readonly onEnd: (end: PartEnd) => void;
  readonly echo: (line: string) => void;
  readonly nowMs: () => number;
}

export interface Part {
  readonly spec: PartSpec;
  start(): void;
  /** TERM, after the grace KILL. Resolves when the process is gone; it is not started again. */
  stop(graceMs: number): Promise<void>;
  /** KILL at once. */
  kill(): void;
}

export function createPart(spec: PartSpec, places: Pick<Places, 'runDir' | 'logDir'>, events: PartEvents): Part {
  const logPath = join(places.logDir, `${spec.name}.log`);
  const log = openPartLog({ path: logPath, form: spec.form, echo: events.echo, nowMs: events.nowMs });
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let failures = 0;
  let whenGone: (() => void) | undefined;

  const start = (): void => {
    if (stopping) return;
    if (spec.needsFile !== undefined && !holdsJson(spec.needsFile)) {
      timer = setTimeout(start, LIMITS.probePauseMs);
      return;
    }
    for (const name of listed(places.runDir)) if (spec.owns(name)) rmSync(join(places.runDir, name), { force: true });
    const startedMs = events.nowMs();
    const started = spawnPart(spec);
    child = started;
    started.stdout?.on('data', log.write);
    started.stderr?.on('data', log.write);
    // The lifeline breaks when the part ends; that is told by its exit.
    started.stdin?.on('error', () => {});
    const { pid } = started;
    const id = pid === undefined ? null : identify(pid);
    if (id !== null) events.onStart(id);
    let over = false;
    const end = (status: number | null, how: string): void => {
      if (over) return;
      over = true;
      child = undefined;
      if (pid !== undefined) {
        killGroup(pid);
        events.onGone(pid);
      }
      if (stopping) {
        whenGone?.();
        return;
      }
      const next = nextRestart(failures, events.nowMs() - startedMs);
      failures = next.failures;
      timer = setTimeout(start, next.pauseMs);
      events.onEnd({ name: spec.name, how, status, ...next, logPath, lastLines: log.lastLines() });
    };
    started.on('error', (error) => end(null, `cannot be run: ${error.message}`));
    started.on('close', (status, signal) =>
      end(status, signal === null ? `exit status ${status}` : `signal ${signal}`),
    );
    // Something that the part started may hold its output open for long.
    started.on('exit', (status, signal) => {
      setTimeout(
        () => end(status, signal === null ? `exit status ${status}` : `signal ${signal}`),
        LIMITS.probePauseMs,
      );
    });
  };

  return {
    spec,
    start,
    kill: () => {
      if (child?.pid !== undefined) killGroup(child.pid);
    },
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running?.pid !== undefined) {
        const gone = new Promise<void>((resolve) => {
          whenGone = resolve;
        });
        const { pid } = running;
        running.kill('SIGTERM');
        const grace = setTimeout(() => killGroup(pid), graceMs);
        await gone;
        clearTimeout(grace);
      }
      log.close();
    },
  };
}

function spawnPart(spec: PartSpec): ChildProcess {
  const before = process.umask(spec.umask);
  try {
    return spawn(spec.command, spec.args, {
      env: spec.env,
      cwd: spec.cwd,
      // A group of its own: a terminal's Ctrl-C reaches the supervisor only, and what a part leaves behind can be ended.
      detached: true,
      stdio: [spec.lifeline ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
  } finally {
    process.umask(before);
  }
}

/** Ends what is left of a part's group; nothing when it is empty. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

function holdsJson(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}
