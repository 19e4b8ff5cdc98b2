// Decides whether `up` keeps its promises: real processes stand in for the parts, the supervisor is the real one.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { freePorts } from '../../bench/ports.ts';
import { readPids } from '../../cli/up/leftovers.ts';
import { isAlive, type ProcessId } from '../../cli/up/process-id.ts';

const INSTANCE = fileURLToPath(new URL('../support/up-instance.ts', import.meta.url));
const WAIT = { timeout: 20_000, interval: 20 };

interface Home {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}
interface Up {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('an instance gets ready, prints its URL and token, and a Ctrl-C leaves neither process, socket, lock nor port behind', async () => {
  const home = await newHome();
  const up = startUp(home);
  await ready(up);
  const { ports } = home;
  expect(up.out()).toMatch(new RegExp(`^ready http://127.0.0.1:${ports[0]}/mcp\n`));
  expect(up.out()).toContain(`--header "Authorization: Bearer a.b.c"`);
  const parts = pidsOf(home);
  expect(parts).toHaveLength(5);
  expect(statSync(join(home.dir, 'home')).mode & 0o777).toBe(0o700);
  expect(statSync(join(home.dir, 'home', 'run')).mode & 0o777).toBe(0o700);

  up.child.kill('SIGINT');
  expect(await up.ended).toBe(0);
  expect(parts.filter(isAlive)).toEqual([]);
  expect(readdirSync(join(home.dir, 'home', 'run'))).toEqual([]);
  expect(readdirSync(join(home.dir, 'home')).sort()).toEqual(['logs', 'operator.token', 'run']);
  expect(await Promise.all(ports.map(isFree))).toEqual([true, true, true]);
});

test('the parts stop in order: Envoy first, the control plane last', async () => {
  const home = await newHome();
  const up = startUp(home, { 'ext-proc': 'stubborn' });
  await ready(up);
  const byName = partsByName(home);
  up.child.kill('SIGTERM');
  // One service does not listen to TERM: until it is killed, Envoy is gone and the control plane is there.
  await vi.waitFor(() => expect(isAlive(byName.envoy!)).toBe(false), WAIT);
  expect(isAlive(byName['ext-proc']!)).toBe(true);
  expect(isAlive(byName.controlplane!)).toBe(true);
  expect(await up.ended).toBe(0);
  expect(Object.values(byName).filter(isAlive)).toEqual([]);
});

test("a part that is killed is started again, Envoy too, and its stale socket is in nobody's way", async () => {
  const home = await newHome();
  const up = startUp(home);
  await ready(up);
  for (const name of ['ext-proc', 'envoy']) {
    const before = partsByName(home)[name]!;
    process.kill(before.pid, 'SIGKILL');
    await vi.waitFor(() => {
      const now = partsByName(home)[name];
      expect(now).toBeDefined();
      expect(now).not.toEqual(before);
    }, WAIT);
    expect(up.err()).toContain(`${name} ended (signal SIGKILL); it is started again in 100 ms`);
  }
  await vi.waitFor(() => expect(existsSync(join(home.dir, 'home', 'run', 'ext-proc.sock'))).toBe(true), WAIT);
  up.child.kill('SIGINT');
  expect(await up.ended).toBe(0);
});

test('kill -9 of the supervisor leaves no part behind, not even one that listens to nothing, and the next start works', async () => {
  const home = await newHome();
  const first = startUp(home, { 'ext-proc': 'stubborn' });
  await ready(first);
  const parts = pidsOf(home);
  first.child.kill('SIGKILL');
  expect(await first.ended).toBe('SIGKILL');
  await vi.waitFor(() => expect(parts.filter(isAlive)).toEqual([]), WAIT);

  const second = startUp(home);
  await ready(second);
  second.child.kill('SIGINT');
  expect(await second.ended).toBe(0);
});

test('a start ends what a killed instance left, by process id and start time', async () => {
  const home = await newHome();
  const first = startUp(home, { 'ext-proc': 'stubborn' });
  await ready(first);
  const parts = pidsOf(home);
  first.child.kill('SIGKILL');
  // At once: the reaper of the first may still be waiting for the stubborn one.
  const second = startUp(home);
  await ready(second);
  expect(parts.filter(isAlive)).toEqual([]);
  second.child.kill('SIGINT');
  expect(await second.ended).toBe(0);
});

test('the end of npm, which started it, stops an instance in order', async () => {
  const home = await newHome();
  // npm is told by its name; between it and the supervisor lies a shell, as in `npm start`.
  const npm = join(home.dir, 'npm-cli.js');
  const script = `'${process.execPath}' '${INSTANCE}'; exit`;
  writeFileSync(
    npm,
    `require('node:child_process').spawn('sh', ['-c', ${JSON.stringify(script)}], { stdio: 'inherit' });`,
  );
  const child = spawn(process.execPath, [npm], {
    env: { ...home.env, npm_execpath: npm },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const up = watch(child, home);
  await ready(up);
  const parts = pidsOf(home);
  child.kill('SIGKILL');
  await vi.waitFor(() => expect(parts.filter(isAlive)).toEqual([]), WAIT);
  await vi.waitFor(() => expect(existsSync(join(home.dir, 'home', 'up.lock'))).toBe(false), WAIT);
});

test('a second instance on the same home is refused by one sentence that names the first', async () => {
  const home = await newHome();
  const first = startUp(home);
  await ready(first);
  const second = startUp(home);
  expect(await second.ended).toBe(1);
  expect(second.err()).toContain(`already running on ${join(home.dir, 'home')} (process ${first.child.pid})`);
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
});

test.each([
  ['the gateway', 0, '--port', 'CHANCERY_PORT'],
  ['the REST API', 1, '--api-port', 'CHANCERY_API_PORT'],
  ['ADS', 2, '--ads-port', 'CHANCERY_ADS_PORT'],
])('a taken port of %s is named together with the setting that changes it', async (what, index, flag, variable) => {
  const home = await newHome();
  const port = home.ports[index]!;
  const holder = await listen(port);
  cleanups.push(() => void holder.close());
  const up = startUp(home);
  expect(await up.ended).toBe(1);
  expect(up.err()).toBe(
    `chancery: port ${port} (${what}) is taken by another program; choose another with ${flag} or ${variable}\n`,
  );
  expect(existsSync(join(home.dir, 'home', 'up.lock'))).toBe(false);
});

test('a part that cannot start until an operator acts ends the start, with its own last words, once', async () => {
  const home = await newHome();
  const up = startUp(home, { controlplane: 'broken' });
  expect(await up.ended).toBe(1);
  expect(up.err()).toContain('controlplane does not start (exit status 78)');
  expect(up.err().split('fatal: the registry is not a database')).toHaveLength(2);
  expect(up.out()).toBe('');
});

test('a wrong Envoy version is refused by one sentence', async () => {
  const home = await newHome('1.39.0');
  const up = startUp(home);
  expect(await up.ended).toBe(1);
  expect(up.err()).toContain('is Envoy 1.39.0, wanted 1.40.0; set ENVOY_BIN');
});

test('an Envoy that is not there is refused by one sentence', async () => {
  const home = await newHome();
  rmSync(join(home.dir, 'envoy'));
  const up = startUp(home);
  expect(await up.ended).toBe(1);
  expect(up.err()).toContain('is not a program that can be run; set ENVOY_BIN to one');
});

async function newHome(envoyVersion = '1.40.0'): Promise<Home> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'up-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  const envoy = join(dir, 'envoy');
  writeFileSync(envoy, `#!/bin/sh\necho "envoy  version: 0a1b2c/${envoyVersion}/Clean/RELEASE/BoringSSL"\n`);
  chmodSync(envoy, 0o755);
  const ports = await freePorts(3);
  const env = {
    PATH: process.env.PATH ?? '',
    CHANCERY_HOME: join(dir, 'home'),
    CHANCERY_CONFIG: '/dev/null',
    CHANCERY_PORT: String(ports[0]),
    CHANCERY_API_PORT: String(ports[1]),
    CHANCERY_ADS_PORT: String(ports[2]),
    ENVOY_BIN: envoy,
  };
  return { dir, env, ports };
}

function startUp(home: Home, standIns: Readonly<Record<string, string>> = {}): Up {
  const env = { ...home.env, STAND_INS: JSON.stringify(standIns) };
  return watch(spawn(process.execPath, [INSTANCE], { env, stdio: ['ignore', 'pipe', 'pipe'] }), home);
}

function watch(child: ChildProcess, home: Home): Up {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (status, signal) => resolve(signal ?? status));
  });
  cleanups.push(async () => {
    // What a failed test left: the supervisor, and by its record every part.
    const parts = pidsOf(home);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
    for (const part of parts.filter(isAlive)) process.kill(part.pid, 'SIGKILL');
  });
  return { child, out: () => out, err: () => err, ended };
}

async function ready(up: Up): Promise<void> {
  await vi.waitFor(() => expect(up.out(), up.err()).toMatch(/Ctrl-C stops everything/), WAIT);
}

function pidsOf(home: Home): readonly ProcessId[] {
  return readPids(join(home.dir, 'home', 'up.pids.json'));
}

/** The parts by name, as the system shows their stand-ins' roles; they start in the order of the table. */
function partsByName(home: Home): Record<string, ProcessId> {
  const byName: Record<string, ProcessId> = {};
  for (const id of pidsOf(home)) {
    const name = nameOf(id.pid);
    if (name !== null) byName[name] = id;
  }
  return byName;
}

function nameOf(pid: number): string | null {
  const logs: Readonly<Record<string, string>> = {
    'ext-proc.sock': 'ext-proc',
    'ext-authz.sock': 'ext-authz',
    'bridge-memory-1.sock': 'bridge',
  };
  try {
    const [, , role = '', word = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return role === 'quiet' ? (logs[word] ?? null) : role === 'stubborn' ? 'ext-proc' : role;
  } catch {
    return null;
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listen(port);
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}
