// Decides which three ways of a call are compared, and starts what lies on each.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendReady } from './backend.ts';
import { BOUNDS } from './bounds.ts';
import type { Child, Children } from './children.ts';
import { until, within } from './deadline.ts';
import { TOOL } from './fake-mcp.ts';
import type { LoadReport, Target } from './load-order.ts';
import type { Groups } from './measure.ts';
import { plainBootstrap } from './plain-envoy.ts';
import { freePorts } from './ports.ts';
import { openSessions } from './sessions.ts';
import { startStack } from './stack.ts';

/** In the order of the table. */
export const LANE_NAMES = ['direct', 'plain', 'chancery'] as const;
export type LaneName = (typeof LANE_NAMES)[number];

export interface Lane {
  readonly name: LaneName;
  readonly target: Target;
  readonly sessions: readonly string[];
  /** The processes on the way, the generator and the backend among them. */
  groups(): Groups;
}

export interface LanesInput {
  readonly children: Children;
  readonly rootDir: string;
  readonly benchDir: string;
  readonly nodePath: string;
  readonly envoyPath: string;
  /** Absolute and private; what is made lies in it. */
  readonly workDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly wanted: readonly LaneName[];
  readonly sessionsMax: number;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly load: Child;
}

export async function startLanes(input: LanesInput): Promise<Lanes> {
  const { children, benchDir, nodePath, workDir, env } = input;
  const backendSocket = join(workDir, 'backend.sock');
  const node = (name: string, ...args: readonly string[]): Child =>
    children.start({ name, command: nodePath, args: [join(benchDir, `${name}.ts`), ...args], env, messages: true });
  const backend = node('backend', backendSocket);
  const { port } = await firstMessage<BackendReady>(backend);
  const load = node('load');
  await firstMessage<LoadReport>(load);
  const base: Groups = { load: [load.pid], backend: [backend.pid] };

  const start: Readonly<Record<LaneName, () => Promise<Pick<Lane, 'target' | 'groups'>>>> = {
    direct: async () => ({ target: targetAt(port), groups: () => base }),
    plain: async () => {
      const plain = await startPlain(input, backendSocket);
      return { target: plain.target, groups: () => ({ ...base, envoy: [plain.pid] }) };
    },
    chancery: async () => {
      const stack = await startStack({ ...input, home: join(workDir, 'home'), backendSocket });
      return { target: stack.target, groups: () => ({ ...base, ...stack.groups() }) };
    },
  };
  const lanes: Lane[] = [];
  for (const name of LANE_NAMES.filter((lane) => input.wanted.includes(lane))) {
    const started = await start[name]();
    lanes.push({ name, ...started, sessions: await openSessions(started.target, input.sessionsMax) });
  }
  return { lanes, load };
}

function targetAt(port: number): Target {
  return { port, path: '/mcp', headers: { host: `127.0.0.1:${port}` }, tool: TOOL };
}

async function startPlain(
  { children, envoyPath, workDir, env }: LanesInput,
  backendSocket: string,
): Promise<{ readonly pid: number; readonly target: Target }> {
  const [port = 0] = await freePorts(1);
  const config = join(workDir, 'plain-envoy.json');
  writeFileSync(config, JSON.stringify(plainBootstrap(port, backendSocket)));
  const args = [
    '-c',
    config,
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '--use-dynamic-base-id',
    '--log-level',
    'warn',
  ];
  const envoy = children.start({ name: 'plain Envoy', command: envoyPath, args, env });
  const target = targetAt(port);
  const serves = until('the plain Envoy serves', BOUNDS.childReadyDeadlineMs, async () => {
    try {
      await openSessions(target, 1);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  });
  await Promise.race([serves, envoy.ended]);
  return { pid: envoy.pid, target };
}

/** What a child says first; the sender is one of our own programs. */
function firstMessage<T>(child: Child): Promise<T> {
  const message = new Promise<T>((resolve) => {
    const off = child.onMessage((value) => {
      off();
      resolve(value as T);
    });
  });
  return within(`${child.name} gets ready`, BOUNDS.childReadyDeadlineMs, Promise.race([message, child.ended]));
}
