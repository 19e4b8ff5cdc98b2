// Decides how the real Chancery is started for the bench: `up` with a home of its own, and what is registered in it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPids } from '../cli/up/leftovers.ts';
import { psFields } from '../cli/up/process-id.ts';
import { surfacePath } from '../core/contract.ts';
import { BOUNDS } from './bounds.ts';
import type { Child, Children } from './children.ts';
import { until, within } from './deadline.ts';
import { documents, PUBLIC_TOOL, type RegisteredDocument, SUBJECT, SURFACE } from './documents.ts';
import { LOOPBACK, type Target } from './load-order.ts';
import type { Groups } from './measure.ts';
import { freePorts } from './ports.ts';
import { listTools, openSessions } from './sessions.ts';

export interface StackInput {
  readonly children: Children;
  readonly rootDir: string;
  readonly nodePath: string;
  readonly envoyPath: string;
  /** Absolute, private and empty. */
  readonly home: string;
  /** Absolute. */
  readonly backendSocket: string;
  /** PATH and the like. */
  readonly env: Readonly<Record<string, string>>;
  /** What is registered, and what is waited for; absent: what the table of calls needs. */
  readonly registered?: Registered;
}

export interface Registered {
  readonly documents: readonly RegisteredDocument[];
  readonly surface: string;
  /** A tool that the surface shows when all of it is served. */
  readonly tool: string;
}

export interface Stack {
  readonly target: Target;
  /** The processes as they are now: Envoy, ext-proc, and all others of Chancery. */
  groups(): Groups;
}

/** Resolves when a session on the surface is shown the tool that will be called. */
export async function startStack(input: StackInput): Promise<Stack> {
  const [port = 0, apiPort = 0, adsPort = 0] = await freePorts(3);
  const env = {
    ...input.env,
    // The supervisor stops when the process that is named here does.
    CHANCERY_LAUNCHER: String(process.pid),
    CHANCERY_HOME: input.home,
    CHANCERY_CONFIG: '/dev/null',
    CHANCERY_PORT: String(port),
    CHANCERY_API_PORT: String(apiPort),
    CHANCERY_ADS_PORT: String(adsPort),
    CHANCERY_ENVOY_CONCURRENCY: '1',
    CHANCERY_LOG_LEVEL: 'warn',
    ENVOY_BIN: input.envoyPath,
  };
  const cli = join(input.rootDir, 'cli', 'main.ts');
  const up = input.children.start({
    name: 'chancery up',
    command: input.nodePath,
    args: [cli, 'up'],
    env,
    stopGraceMs: BOUNDS.stackStopGraceMs,
  });
  await within('Chancery gets ready', BOUNDS.stackReadyDeadlineMs, Promise.race([ready(up), up.ended]));

  const api = apiAt(apiPort, readFileSync(join(input.home, 'operator.token'), 'utf8').trim());
  const { registered = { documents: documents(input.backendSocket), surface: SURFACE, tool: PUBLIC_TOOL } } = input;
  for (const document of registered.documents) await api.put(document);
  await until('the servers are read', BOUNDS.surfaceDeadlineMs, api.unread);
  const bearer = await token(input.nodePath, cli, env, registered.surface);
  const headers = { host: `${LOOPBACK}:${port}`, authorization: `Bearer ${bearer}` };
  const target: Target = { port, path: surfacePath(registered.surface), headers, tool: registered.tool };
  await until('the surface is served', BOUNDS.surfaceDeadlineMs, () => toolMissing(target));
  return { target, groups: () => groupsOf(input, up.pid) };
}

function ready(up: Child): Promise<void> {
  return new Promise((resolve) => {
    up.onLine((line) => {
      if (line.startsWith('ready ')) resolve();
    });
  });
}

interface Api {
  put(document: RegisteredDocument): Promise<void>;
  /** Null when all servers are read. */
  unread(): Promise<string | null>;
}

function apiAt(port: number, operatorToken: string): Api {
  const ask = async (method: string, path: string, body?: object): Promise<string> => {
    const response = await fetch(`http://${LOOPBACK}:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(BOUNDS.requestDeadlineMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return text;
    throw new Error(
      `${method} ${path}: found status ${response.status}, wanted 2xx: ${text.slice(0, BOUNDS.failureCharsMax)}`,
    );
  };
  return {
    put: async ({ path, body }) => void (await ask('PUT', path, body)),
    async unread() {
      const status = JSON.parse(await ask('GET', '/v1/status')) as {
        readonly ready?: unknown;
        readonly servers?: unknown;
      };
      return status.ready === true ? null : `the status is ${JSON.stringify(status).slice(0, BOUNDS.failureCharsMax)}`;
    },
  };
}

function token(nodePath: string, cli: string, env: Readonly<Record<string, string>>, surface: string): Promise<string> {
  const args = [cli, 'token', '--surface', surface, '--sub', SUBJECT];
  return new Promise((resolve, reject) => {
    execFile(nodePath, args, { env, timeout: BOUNDS.commandDeadlineMs }, (error, stdout, stderr) => {
      if (error === null && stdout.trim() !== '') resolve(stdout.trim());
      else reject(new Error(`no token could be made: ${stderr.slice(0, BOUNDS.failureCharsMax)}`));
    });
  });
}

/** A publication takes a moment to reach Envoy and the services. */
async function toolMissing(target: Target): Promise<string | null> {
  try {
    const [session = ''] = await openSessions(target, 1);
    const names = await listTools(target, session);
    return names.includes(target.tool) ? null : `"${target.tool}" is not among the tools ${names.join(', ')}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function groupsOf({ home, envoyPath }: StackInput, upPid: number): Groups {
  const groups = { envoy: [] as number[], 'ext-proc': [] as number[], others: [upPid] };
  for (const { pid } of readPids(join(home, 'up.pids.json'))) {
    const command = commandOf(pid);
    if (command.startsWith(envoyPath)) groups.envoy.push(pid);
    else if (/ext-proc.main\.ts/.test(command)) groups['ext-proc'].push(pid);
    else groups.others.push(pid);
  }
  return groups;
}

function commandOf(pid: number): string {
  if (process.platform !== 'linux') return psFields(pid, 'command=').join(' ');
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
