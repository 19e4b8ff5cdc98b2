// Decides how the parts of an instance live together: who is told of their ends, in which order they stop.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LIMITS } from '../../core/limits.ts';
import { writePids } from './leftovers.ts';
import { createPart, type PartEnd } from './part.ts';
import type { PartSpec } from './parts.ts';
import type { Places } from './places.ts';
import type { ProcessId } from './process-id.ts';
import type { ReaperOrder } from './reaper.ts';

export interface Supervisor {
  start(): void;
  /** Stops all parts, stage by stage. */
  stop(): Promise<void>;
  /** Ends all parts at once; for a person who asks twice. */
  kill(): void;
}

export interface SupervisorEvents {
  readonly onEnd: (end: PartEnd) => void;
  readonly echo: (line: string) => void;
  readonly nowMs: () => number;
}

const REAPER = fileURLToPath(new URL('reaper.ts', import.meta.url));

export function createSupervisor(
  specs: readonly PartSpec[],
  places: Places,
  nodePath: string,
  events: SupervisorEvents,
): Supervisor {
  const running = new Map<number, ProcessId & { readonly name: string }>();
  const reaper = createReaper(nodePath, () => [...running.values()]);
  // The reaper itself is not recorded: it ends by itself, and an instance that finds it at work must let it.
  const changed = (): void => writePids(places.pids, [...running.values()]);
  const parts = specs.map((spec) =>
    createPart(spec, places, {
      onStart: (id) => {
        running.set(id.pid, { name: spec.name, ...id });
        reaper.order({ watch: id });
        changed();
      },
      onGone: (pid) => {
        running.delete(pid);
        reaper.order({ forget: pid });
        changed();
      },
      onEnd: events.onEnd,
      echo: (line) => events.echo(`${spec.name}: ${line}`),
      nowMs: events.nowMs,
    }),
  );
  return {
    start() {
      reaper.start();
      for (const part of parts) part.start();
    },
    async stop() {
      const stages = [...new Set(specs.map((spec) => spec.stopStage))].sort((one, other) => one - other);
      for (const stage of stages) {
        await Promise.all(
          parts.filter((part) => part.spec.stopStage === stage).map((part) => part.stop(LIMITS.stopGraceMs)),
        );
      }
      reaper.close();
    },
    kill() {
      for (const part of parts) part.kill();
    },
  };
}

interface Reaper {
  start(): void;
  order(order: ReaperOrder): void;
  close(): void;
}

/** The process that ends the parts when this one vanishes; started again, and told all, when it ends itself. */
function createReaper(nodePath: string, watched: () => readonly ProcessId[]): Reaper {
  let child: ChildProcess | undefined;
  let closed = false;
  const order = (value: ReaperOrder): void => {
    child?.stdin?.write(`${JSON.stringify(value)}\n`);
  };
  const start = (): void => {
    child = spawn(nodePath, [REAPER], { env: {}, cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin?.on('error', () => {});
    child.on('error', () => {});
    child.on('exit', () => {
      if (!closed) setTimeout(start, LIMITS.restartBackoffMinMs).unref();
    });
    for (const id of watched()) order({ watch: id });
  };
  return {
    start,
    order,
    close() {
      closed = true;
      child?.stdin?.end();
    },
  };
}
