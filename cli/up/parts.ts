// Decides which processes an instance consists of: their programs, environments, sockets, and the order in which they stop.
import { join } from 'node:path';
import { extProcSocket, instanceSocket, SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { LIFELINE_VARIABLE } from '../../core/runtime/process.ts';
import { SETTINGS, type Settings, settingsToEnv } from '../../core/runtime/settings.ts';
import type { LogForm } from './part-log.ts';
import { isBridgeSocket, type Places } from './places.ts';
import type { ForeignServer } from './run-file.ts';

export interface PartSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly form: LogForm;
  /** It ends by itself when its standard input does. */
  readonly lifeline: boolean;
  /** Parts of one stage stop together, a lower stage first. */
  readonly stopStage: number;
  readonly umask: number;
  /** Whether a socket of this name in the run folder is this part's; removed before each start, as a killed part leaves it. */
  readonly owns: (socketName: string) => boolean;
  /** It starts when this JSON file is there. */
  readonly needsFile?: string;
}

/** Envoy goes first, so that no call meets half an instance; the control plane last, as the others report to it. */
const STAGE = { envoy: 0, service: 1, controlPlane: 2 } as const;

/** Nothing for anybody else; and for foreign servers no execute bit either, so that their sockets get mode 0600. */
const UMASK = { own: 0o077, socketsOnly: 0o177 } as const;

/**
 * How the control plane's process keeps memory: otherwise it holds on to what it used at its start and in each burst.
 * V8 keeps the pages of its young generation (70 MiB) and lets the old one about double before it collects; glibc has an
 * arena for each thread, and puts the buffers of large responses where they are given back only when what came later is
 * gone. Measured with 10,000 servers, 2,000 surfaces and 500 clients, where 190 MiB of the heap are alive: 720 MiB resident
 * without these and 880 after forty changes, 430 to 490 with them, for about a fifth more
 * processor time: see docs/performance.md.
 */
export const CONTROL_PLANE_MEMORY = {
  flags: ['--max-semi-space-size=4', '--heap-growing-percent=30'],
  env: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' },
} as const;

const AS_IT_IS = { flags: [], env: {} } as const;

const OWN_PARTS = [
  {
    name: 'controlplane',
    memory: CONTROL_PLANE_MEMORY,
    stopStage: STAGE.controlPlane,
    owns: named(SOCKETS.ads, SOCKETS.reports),
  },
  { name: 'ext-proc', memory: AS_IT_IS, stopStage: STAGE.service, owns: named(SOCKETS.extProc) },
  { name: 'ext-authz', memory: AS_IT_IS, stopStage: STAGE.service, owns: named(SOCKETS.extAuthz) },
  { name: 'bridge', memory: AS_IT_IS, stopStage: STAGE.service, owns: isBridgeSocket },
] as const;

export interface PartsInput {
  readonly settings: Settings;
  readonly places: Places;
  readonly rootDir: string;
  /** The Node that runs our parts and the foreign servers. */
  readonly nodePath: string;
  readonly envoyPath: string;
  readonly foreign: readonly ForeignServer[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Every part, in the order in which they start. Pure. */
export function partsOf(input: PartsInput): readonly PartSpec[] {
  const { settings, places, rootDir, nodePath, env } = input;
  const base = pick(env, ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']);
  const path = [join(rootDir, 'node_modules', '.bin'), base.PATH ?? '/usr/local/bin:/usr/bin:/bin'].join(':');
  const ownEnv = {
    ...base,
    PATH: path,
    ...settingsToEnv({ ...settings, runDir: places.runDir }),
    [LIFELINE_VARIABLE]: 'stdin',
    NODE_COMPILE_CACHE: join(rootDir, '.cache', 'node'),
  };
  const own = OWN_PARTS.flatMap((row) => instancesOf(row, settings.instances)).map(
    ({ memory, program, number, ...row }): PartSpec => {
      return {
        ...row,
        command: nodePath,
        args: [...memory.flags, join(rootDir, program, 'main.ts')],
        env: { ...ownEnv, ...memory.env, [SETTINGS.instance.env]: String(number) },
        cwd: rootDir,
        form: 'json',
        lifeline: true,
        umask: UMASK.own,
      };
    },
  );
  const foreign = input.foreign.map(
    (server): PartSpec => foreignPart(server, input, { ...pick(env, ['HOME', 'LANG']), PATH: path }),
  );
  return [...own, envoyPart(input, base), ...foreign];
}

/** Several ext-proc, where so many are wanted; the other parts once. */
function instancesOf<Row extends (typeof OWN_PARTS)[number]>(row: Row, instances: number) {
  const count = row.name === 'ext-proc' ? instances : 1;
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const several = {
      name: number === 1 ? row.name : `${row.name}-${number}`,
      owns: row.name === 'ext-proc' ? named(extProcSocket(number), instanceSocket(number)) : row.owns,
    };
    return { ...row, ...several, program: row.name, number };
  });
}

function envoyPart(
  { settings, places, envoyPath, rootDir }: PartsInput,
  env: Readonly<Record<string, string>>,
): PartSpec {
  const args = ['-c', places.bootstrap, '--disable-hot-restart', '--use-dynamic-base-id', '--log-level', 'warn'];
  // A listener that changes cuts its live streams after this; ours never change, so the longest usual time.
  args.push('--drain-time-s', '600');
  // An operator who looks into the access log wants the last call in it.
  args.push('--file-flush-interval-msec', String(LIMITS.accessLogFlushMs));
  if (settings.concurrency > 0) args.push('--concurrency', String(settings.concurrency));
  const owns = named(SOCKETS.egress, SOCKETS.envoyAdmin);
  const run = {
    command: envoyPath,
    args,
    env,
    cwd: rootDir,
    form: 'envoy',
    lifeline: false,
    umask: UMASK.own,
  } as const;
  return { name: 'envoy', stopStage: STAGE.envoy, owns, needsFile: places.bootstrap, ...run };
}

function foreignPart(server: ForeignServer, input: PartsInput, env: Readonly<Record<string, string>>): PartSpec {
  const socket = join(input.places.runDir, server.socket);
  const fill = (text: string): string => text.replaceAll('{socket}', socket);
  const stated = Object.fromEntries(Object.entries(server.env).map(([name, value]) => [name, fill(value)]));
  return {
    name: server.name,
    command: input.nodePath,
    args: [join(input.rootDir, server.script), ...server.args.map(fill)],
    env: { ...env, ...stated },
    cwd: input.rootDir,
    form: 'plain',
    lifeline: false,
    stopStage: STAGE.service,
    umask: UMASK.socketsOnly,
    owns: named(server.socket),
  };
}

function named(...names: readonly string[]): (name: string) => boolean {
  return (name) => names.includes(name);
}

function pick(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
