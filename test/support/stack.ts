// Decides how a test gets an instance of its own: the real supervisor, Envoy, services and servers, in a folder of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../bench/ports.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { openSession } from './clients.ts';
import { until } from './until.ts';

const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 20_000;
export const NODE = join(ROOT_DIR, 'node_modules', '.bin', 'node');
const CLI = join(ROOT_DIR, 'cli', 'main.ts');

export interface StackOptions {
  /** A folder that an earlier stack left; absent: a new one. */
  readonly home?: string;
  readonly ports?: Ports;
  readonly env?: Readonly<Record<string, string>>;
  /** '' for an empty registry. */
  readonly example?: string;
}

interface Ports {
  readonly gateway: number;
  readonly api: number;
  readonly ads: number;
}

export interface Stack {
  readonly home: string;
  readonly ports: Ports;
  /** `http://127.0.0.1:PORT` */
  readonly gateway: string;
  /** URL of a surface. */
  mcp(surface?: string): string;
  /** Everything that `up` printed. */
  output(): string;
  /** One part's log so far. */
  log(part: string): string;
  /** Resolves when a part's log says all of it: a line takes its way through the supervisor. */
  logged(part: string, ...what: readonly (string | RegExp)[]): Promise<unknown>;
  /** Pid of a part as it runs now; 0 while it does not. */
  pid(part: string): number;
  cli(...args: string[]): Promise<CliResult>;
  token(surface?: string, subject?: string): Promise<string>;
  api(method: string, path: string, body?: unknown): Promise<Response>;
  /** SIGTERM, and the exit status. The folder stays until `remove`. */
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
  remove(): void;
  readonly process: ChildProcess;
  readonly env: Readonly<Record<string, string>>;
}

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function freeStackPorts(): Promise<Ports> {
  const [gateway = 0, api = 0, ads = 0] = await freePorts(3);
  return { gateway, api, ads };
}

/** A stack, with a token and a session of its default surface. */
export async function startStackWithSession(
  options: StackOptions = {},
): Promise<{ readonly stack: Stack; readonly token: string; readonly session: string }> {
  const stack = await startStack(options);
  try {
    const token = await stack.token();
    return { stack, token, session: await openSession(stack.mcp(), token) };
  } catch (error) {
    await stack.stop();
    stack.remove();
    throw error;
  }
}

/** Resolves when `up` says that it is ready. @throws Error with what it printed. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'chy-'));
  const ports = options.ports ?? (await freeStackPorts());
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    CHANCERY_HOME: home,
    CHANCERY_PORT: String(ports.gateway),
    CHANCERY_API_PORT: String(ports.api),
    CHANCERY_ADS_PORT: String(ports.ads),
    CHANCERY_ENVOY_CONCURRENCY: '1',
    ...(process.env.ENVOY_BIN === undefined ? {} : { ENVOY_BIN: process.env.ENVOY_BIN }),
    ...options.env,
  };
  const example = options.example ?? 'quickstart';
  const args = [CLI, 'up', ...(example === '' ? [] : ['--example', example])];
  const child = spawn(NODE, args, { cwd: ROOT_DIR, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', (status) => resolve(status)));
  void exited.then(() => process.off('exit', orphaned));
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not ready within ${READY_DEADLINE_MS} ms:\n${output}`)),
      READY_DEADLINE_MS,
    );
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!/^ready http/m.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then((status) => {
      clearTimeout(timer);
      reject(new Error(`up exited with ${status}:\n${output}`));
    });
  });
  const cli = (...cliArgs: string[]): Promise<CliResult> => runCli(cliArgs, env);
  const stack: Stack = {
    home,
    ports,
    gateway: `http://127.0.0.1:${ports.gateway}`,
    mcp: (surface = 'default') =>
      `http://127.0.0.1:${ports.gateway}${surface === 'default' ? '/mcp' : `/mcp/${surface}`}`,
    output: () => output,
    log: (part) => readFileSync(join(home, 'logs', `${part}.log`), 'utf8'),
    logged: (part, ...what) =>
      until(
        `${part}.log says ${what.join(', ')}`,
        () => readFileSync(join(home, 'logs', `${part}.log`), 'utf8'),
        (log) => what.every((one) => (typeof one === 'string' ? log.includes(one) : one.test(log))),
      ),
    pid: (part) => pidOf(home, part),
    cli,
    async token(surface = 'default', subject = 'agent') {
      const result = await cli('token', '--surface', surface, '--sub', subject);
      if (result.status !== 0) throw new Error(result.stderr);
      return result.stdout.trim();
    },
    api: (method, path, body) =>
      fetch(`http://127.0.0.1:${ports.api}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${readFileSync(join(home, 'operator.token'), 'utf8').trim()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
    async kill9() {
      child.kill('SIGKILL');
      await exited;
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
    process: child,
    env,
  };
  try {
    await ready;
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

/** `input`: what its standard input brings. */
export function runCli(args: readonly string[], env: Readonly<Record<string, string>>, input = ''): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = spawn(NODE, [CLI, ...args], { cwd: ROOT_DIR, env, stdio: ['pipe', 'pipe', 'pipe'] });
    // One that does not read it may be gone before it is written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
}

function pidOf(home: string, part: string): number {
  const pids = JSON.parse(readFileSync(join(home, 'up.pids.json'), 'utf8')) as { name: string; pid: number }[];
  const found = pids.find(({ name }) => name === part);
  return found?.pid ?? 0;
}
