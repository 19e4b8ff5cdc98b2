// Decides how the bench starts processes, and that none outlives it, however it ends.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endProcesses } from '../cli/up/leftovers.ts';
import { identify, type ProcessId } from '../cli/up/process-id.ts';
import type { ReaperOrder } from '../cli/up/reaper.ts';
import { BOUNDS } from './bounds.ts';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** It is a Node program that talks by messages. */
  readonly messages?: boolean;
  /** How long it may take to stop; BOUNDS.childStopGraceMs when absent. */
  readonly stopGraceMs?: number;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  send(message: object): void;
  /** Calls `receive` for each message until the returned function is called. */
  onMessage(receive: (message: unknown) => void): () => void;
  /** Calls `receive` for each line on its standard output, from the first one on. */
  onLine(receive: (line: string) => void): void;
  /** Rejects, naming the child and its last words, when it ends. */
  readonly ended: Promise<never>;
}

export interface Children {
  start(spec: ChildSpec): Child;
  /** Ends all by process id, the last one first; none can be started any more. */
  end(): Promise<void>;
}

const REAPER = fileURLToPath(new URL('../cli/up/reaper.ts', import.meta.url));

export function createChildren(nodePath: string, nowMs: () => number): Children {
  const started: { readonly id: ProcessId; readonly graceMs: number }[] = [];
  // Ends what was started when this process vanishes (kill -9): it cannot do so itself then.
  const reaper = spawn(nodePath, [REAPER], { env: {}, cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  reaper.stdin?.on('error', () => {});
  reaper.on('error', () => {});
  const reaperGone = new Promise<void>((resolve) => {
    reaper.on('exit', () => resolve());
    reaper.on('error', () => resolve());
  });
  let closed = false;
  const tell = (order: ReaperOrder): void => void reaper.stdin?.write(`${JSON.stringify(order)}\n`);
  return {
    start(spec) {
      // A start that was under way when the bench was stopped goes on for a moment.
      if (closed) throw new Error(`${spec.name}: the bench is ending`);
      const child = spawnChild(spec);
      const id = child.pid === undefined ? null : identify(child.pid);
      if (id === null) throw new Error(`${spec.name}: ${spec.command} could not be started`);
      started.push({ id, graceMs: spec.stopGraceMs ?? BOUNDS.childStopGraceMs });
      tell({ watch: id });
      return childOf(spec.name, id.pid, child);
    },
    async end() {
      closed = true;
      for (const { id, graceMs } of started.splice(0).reverse()) {
        await endProcesses([id], graceMs, nowMs);
        tell({ forget: id.pid });
      }
      reaper.stdin?.end();
      await Promise.race([reaperGone, pause(BOUNDS.childStopGraceMs, undefined, { ref: false })]);
    },
  };
}

/** A group of its own: a terminal's Ctrl-C must reach the bench only, which then ends its children in order. */
function spawnChild({ command, args, env, messages = false }: ChildSpec): ChildProcess {
  const stdio: StdioOptions = messages ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'];
  const child = spawn(command, args, { env, detached: true, stdio });
  child.on('error', () => {});
  return child;
}

function childOf(name: string, pid: number, child: ChildProcess): Child {
  let words = '';
  const keep = (chunk: Buffer): void => {
    words = (words + chunk.toString('utf8')).slice(-BOUNDS.childWordsMax);
  };
  child.stderr?.on('data', keep);
  const lines: string[] = [];
  let receiveLine: ((line: string) => void) | undefined;
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n');
    rest = (parts.pop() ?? '').slice(-BOUNDS.childWordsMax);
    if (receiveLine !== undefined) for (const line of parts) receiveLine(line);
    else lines.push(...parts.slice(0, 100 - lines.length));
  });
  const ended = new Promise<never>((_, reject) => {
    child.on('close', (status, signal) => {
      reject(new Error(`${name} ended (${signal ?? `exit status ${status}`}): ${words.trim() || 'it said nothing'}`));
    });
  });
  // Whoever waits for something else races against it; nobody may be waiting.
  ended.catch(() => {});
  return {
    name,
    pid,
    ended,
    send: (message) => void child.send(message),
    onMessage(receive) {
      child.on('message', receive);
      return () => child.off('message', receive);
    },
    onLine(receive) {
      receiveLine = receive;
      for (const line of lines.splice(0)) receive(line);
    },
  };
}
