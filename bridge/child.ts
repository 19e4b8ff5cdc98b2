// Decides how one child process lives: how it is started, fed and read, and that nothing of its process group outlives it.
import { type ChildProcess, spawn } from 'node:child_process';
import type { StdioServer } from '../core/catalog/catalog.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { BridgeLimits } from './bounds.ts';
import { ChildLog } from './child-log.ts';
import { childCommand, childEnvironment } from './environment.ts';
import { LineSplitter } from './lines.ts';

export interface ChildOptions {
  readonly definition: StdioServer;
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  readonly nodePath: string;
  readonly limits: BridgeLimits;
  readonly log: Logger;
  readonly now: () => number;
  readonly onLine: (line: Buffer) => void;
  /** Once, after the last line: the child has ended or never started. The reason may be told to the caller. */
  readonly onGone: (reason: string) => void;
}

/** Pause between two looks whether a process group is empty. */
const LOOK_MS = 20;
/** After SIGKILL a group is given up as unkillable (or its zombies as never reaped) after this. */
const KILLED_MS = 500;

export class Child {
  /** The whole process group is gone; resolves soon after `kill`, within the grace period after `stop`. */
  readonly ended: Promise<void>;
  readonly childLog: ChildLog;
  readonly #options: ChildOptions;
  readonly #process: ChildProcess | null;
  readonly #log: Logger;
  readonly #resolveEnded: () => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #killAtMs = Number.POSITIVE_INFINITY;
  #asked = false;
  #ending = false;
  /** Nobody is left in the group, so its number may become somebody else's. */
  #empty = false;
  #gone = false;
  #done = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    let process: ChildProcess | null = null;
    let failure: unknown;
    try {
      process = start(options);
    } catch (error) {
      failure = error;
    }
    this.#process = process;
    this.#log = options.log.child({ pid: process?.pid });
    this.childLog = new ChildLog({ ...options, log: this.#log, env: options.definition.env });
    if (process === null) queueMicrotask(() => this.#neverStarted(failure));
    else this.#listen(process);
    if (process?.pid !== undefined) this.#log.info('the child started');
  }

  /** False when the child does not read: as much as may wait for it does. One message may exceed that, never two. */
  write(line: Buffer): boolean {
    const input = this.#process?.stdin;
    if (!input?.writable) return true; // it ends; whoever waits is told by `onGone`
    if (input.writableLength > this.#options.limits.bridgeInputBytesMax) return false;
    input.write(line);
    return true;
  }

  pause(): void {
    this.#process?.stdout?.pause();
  }

  resume(): void {
    this.#process?.stdout?.resume();
  }

  /**
   * Ends it in the order of MCP 2025-11-25, lifecycle, "Shutdown": closes its input, then SIGTERM, then SIGKILL, to the
   * whole group, all within `graceMs`.
   */
  stop(graceMs: number): Promise<void> {
    this.#asked = true;
    this.#end(graceMs);
    return this.ended;
  }

  /** Ends it at once. Synchronous, so that a crash of ours can still do it. */
  kill(): void {
    if (this.#done) return;
    this.#asked = true;
    this.#ending = true;
    this.#signal('SIGKILL');
    this.#killAtMs = Math.min(this.#killAtMs, this.#options.now());
  }

  #listen(process: ChildProcess): void {
    const { limits, onLine } = this.#options;
    const lines = new LineSplitter(limits.bridgeLineBytesMax, 'fail');
    const errors = new LineSplitter(limits.bridgeLogLineBytesMax, 'cut');
    process.stdout?.on('data', (chunk: Buffer) => {
      const split = lines.push(chunk);
      for (const line of split.lines) onLine(line);
      if (!split.tooLong || this.#ending) return;
      this.#log.error({ bytesMax: limits.bridgeLineBytesMax }, 'the child wrote a longer line than allowed: killed');
      this.kill();
    });
    // Nothing will be answered any more, whether the process lingers or not.
    process.stdout?.on('end', () => this.#end(limits.bridgeStopGraceMs));
    process.stdout?.on('error', () => this.#end(limits.bridgeStopGraceMs));
    process.stderr?.on('data', (chunk: Buffer) => {
      for (const line of errors.push(chunk).lines) this.childLog.line('stderr', line);
    });
    process.stderr?.on('error', () => {});
    process.stdin?.on('error', () => this.#end(limits.bridgeStopGraceMs));
    process.on('error', (error) => {
      if (process.pid === undefined) this.#neverStarted(error);
      else this.#log.warn({ err: error }, 'the child could not be signalled');
    });
    process.on('exit', (code, signal) => this.#onExit(signal === null ? `exit status ${code}` : `signal ${signal}`));
    process.on('close', (code, signal) => {
      for (const line of errors.end()) this.childLog.line('stderr', line);
      this.#onGone(signal === null ? `it ended with exit status ${code}` : `it was ended by ${signal}`);
    });
  }

  #end(graceMs: number): void {
    if (this.#done) return;
    // A later, shorter grace period counts.
    this.#killAfter(graceMs / 2);
    if (this.#ending) return;
    this.#ending = true;
    this.#process?.stdin?.end();
    this.resume();
    this.#after(graceMs / 4, () => this.#signal('SIGTERM'));
  }

  #neverStarted(error: unknown): void {
    if (this.#done) return;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const { command, cwd } = this.#options.definition;
    this.#log.error({ command, cwd, code }, 'the program could not be started');
    this.#onGone(
      code === 'ENOENT' ? 'its program or working directory was not found (ENOENT)' : `it cannot be run (${code})`,
    );
    this.#finish();
  }

  /** The leader ended. What it left behind in its group gets the rest of the grace period, then SIGKILL. */
  #onExit(how: string): void {
    this.#log[this.#asked ? 'info' : 'warn']({ how }, 'the child ended');
    this.#ending = true;
    this.#signal('SIGTERM');
    this.#killAfter(this.#options.limits.bridgeStopGraceMs / 2);
    this.#look();
  }

  #look(): void {
    const overdueMs = this.#options.now() - this.#killAtMs;
    if (!this.#empty) this.#empty = !this.#signal(overdueMs < 0 ? 0 : 'SIGKILL');
    // An empty group alone is not the end: its last lines may still be read, by a slow reader.
    const over = this.#empty ? this.#gone || overdueMs >= 0 : overdueMs >= KILLED_MS;
    if (!over) {
      this.#after(LOOK_MS, () => this.#look());
      return;
    }
    this.#onGone('it ended');
    this.#finish();
  }

  #killAfter(delayMs: number): void {
    const at = this.#options.now() + delayMs;
    if (at >= this.#killAtMs) return;
    this.#killAtMs = at;
    this.#after(delayMs, () => this.#signal('SIGKILL'));
  }

  #onGone(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.childLog.flush();
    this.#options.onGone(reason);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#process?.stdout?.destroy();
    this.#process?.stderr?.destroy();
    this.#resolveEnded();
  }

  #after(delayMs: number, step: () => void): void {
    if (this.#done) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      step();
    }, delayMs);
    this.#timers.add(timer);
  }

  /** To the whole group: a child started by the child must not outlive it. False when there is nobody in it. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const pid = this.#process?.pid;
    if (pid === undefined || this.#empty || this.#done) return false;
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }
}

function start({ definition, baseEnv, nodePath }: ChildOptions): ChildProcess {
  return spawn(childCommand(definition.command, nodePath), definition.args, {
    shell: false,
    // A process group of its own, so that a signal reaches what the child starts.
    detached: true,
    windowsHide: true,
    env: childEnvironment(definition, baseEnv),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(definition.cwd === undefined ? {} : { cwd: definition.cwd }),
  });
}
