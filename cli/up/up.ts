// Decides what `chancery up` does: take the home folder, see that all is there, run the parts until somebody stops it.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DEFAULT_SURFACE } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { CONFIG_EXIT_STATUS, onStopSignal } from '../../core/runtime/process.ts';
import { SETTINGS } from '../../core/runtime/settings.ts';
import { checkEnvoyVersion, envoyBinary, pinnedVersion } from '../../envoy/binary.ts';
import { readArguments } from '../arguments.ts';
import type { CliContext, Command } from '../context.ts';
import { watchAccessLog } from './access-log.ts';
import { greeting } from './greeting.ts';
import { meaningOf } from './interrupt.ts';
import { launchersOf, watchLaunchers } from './launcher.ts';
import { endLeftovers } from './leftovers.ts';
import { releaseLock, takeLock } from './lock.ts';
import type { PartEnd } from './part.ts';
import { type PartSpec, partsOf } from './parts.ts';
import { makePlaces, type Owner, type Places, placesOf, removeRunDir, sweepRunDir } from './places.ts';
import { checkPorts } from './ports.ts';
import { identify } from './process-id.ts';
import { apiOf } from './ready.ts';
import { type ForeignServer, readRunFile } from './run-file.ts';
import { exampleToken, waitForReady } from './start.ts';
import { createSupervisor } from './supervisor.ts';

/** The commands that a start calls itself; `parts` may be replaced by a test. */
export interface UpParts {
  readonly apply: Command;
  readonly token: Command;
  readonly parts: typeof partsOf;
}

const loadedParts: UpParts = {
  apply: async (args, context) => (await import('../commands/apply.ts')).run(args, context),
  token: async (args, context) => (await import('../commands/token.ts')).run(args, context),
  parts: partsOf,
};

/** `up [--example NAME]`: resolves to 0 after an orderly stop, to 1 when it could not start. */
export async function run(args: readonly string[], context: CliContext, given: UpParts = loadedParts): Promise<number> {
  const say = (line: string): void => context.err(`chancery: ${line}\n`);
  const refuse = (...sentences: readonly string[]): number => {
    for (const sentence of sentences) say(sentence);
    return 1;
  };
  const example = readExample(args, context.rootDir);
  if ('problem' in example) return refuse(example.problem);

  const owner: Owner = { uid: process.getuid?.() ?? 0, tmpDir: tmpdir() };
  const places = placesOf(context.settings, owner);
  const unusable = makePlaces(places, owner);
  if (unusable !== null) return refuse(unusable);
  const envoy = envoyBinary(context.settings, context.rootDir);
  if ('problem' in envoy) return refuse(envoy.problem);

  const self = identify(process.pid);
  if (self === null) return refuse('the system does not say when this process started');
  const launchers = launchersOf(context.env, process.ppid).flatMap((pid) => identify(pid) ?? []);
  const lock = await takeLock(places.lock, { owner: self, launchers }, context.nowMs);
  if (!lock.held) {
    const where = `${SETTINGS.home.env} or --${SETTINGS.home.flag}`;
    return refuse(
      `already running on ${places.home} (process ${lock.owner.pid}); stop it first, or choose another home with ${where}`,
    );
  }
  try {
    const ended = await endLeftovers(places.pids, context.nowMs);
    if (ended > 0) say(`ended ${ended} processes of an earlier start that was killed`);
    sweepRunDir(places, socketsOf(example.foreign));
    const [problems, wrongEnvoy] = await Promise.all([
      checkPorts(context.settings),
      checkEnvoyVersion(envoy.path, pinnedVersion(context.rootDir)),
    ]);
    if (wrongEnvoy !== null) return refuse(wrongEnvoy);
    if (problems.length > 0) return refuse(...problems);
    const specs = given.parts({
      settings: context.settings,
      places,
      rootDir: context.rootDir,
      nodePath: process.execPath,
      envoyPath: envoy.path,
      foreign: example.foreign,
      env: context.env,
    });
    const near = relative(context.cwd, places.home);
    say(`starting; data and logs are in ${near === '' || near.startsWith('..') ? places.home : near}`);
    const status = await supervise({ specs, places, context, given, example: example.name, say, watch: launchers });
    sweepRunDir(places, socketsOf(example.foreign));
    removeRunDir(places);
    rmSync(places.pids, { force: true });
    return status;
  } finally {
    releaseLock(places.lock, self);
  }
}

interface Instance {
  readonly specs: readonly PartSpec[];
  readonly places: Places;
  readonly context: CliContext;
  readonly given: UpParts;
  readonly example: string | undefined;
  readonly say: (line: string) => void;
  readonly watch: Parameters<typeof watchLaunchers>[0];
}

/** Runs the parts until a signal, the launcher's end, or a start that fails. */
async function supervise({ specs, places, context, given, example, say, watch }: Instance): Promise<number> {
  const over = new AbortController();
  let ready = false;
  let failure: string | null = null;
  const fail = (sentence: string): void => {
    failure ??= sentence;
    over.abort();
  };
  const onEnd = (end: PartEnd): void => {
    if (over.signal.aborted) return;
    const foreign = specs.find((spec) => spec.name === end.name)?.form === 'plain';
    const hopeless = end.failures >= LIMITS.startFailuresMax || end.status === CONFIG_EXIT_STATUS;
    if (!ready && hopeless && !foreign) {
      fail(`${end.name} does not start (${end.how}); its log is ${end.logPath}:\n${indent(end.lastLines)}`);
      return;
    }
    say(`${end.name} ended (${end.how}); it is started again in ${end.pauseMs} ms (log: ${end.logPath})`);
  };
  // Why a part does not start is said once, together with where its log is.
  const echo = (line: string): void => {
    if (ready || !/^\S+: fatal: /.test(line)) say(line);
  };
  const supervisor = createSupervisor(specs, places, process.execPath, { onEnd, echo, nowMs: context.nowMs });

  let firstSignalMs: number | null = null;
  const removeSignals = onStopSignal(() => {
    const meaning = meaningOf(firstSignalMs, context.nowMs());
    firstSignalMs ??= context.nowMs();
    if (meaning === 'stop') over.abort();
    if (meaning === 'kill') supervisor.kill();
  });
  const unwatch = watchLaunchers(watch, () => over.abort());
  const unwatchLog = watchAccessLog(places);
  const stopped = new Promise<void>((resolve) =>
    over.signal.addEventListener('abort', () => resolve(), { once: true }),
  );

  supervisor.start();
  try {
    const api = apiOf(context.settings, () => readToken(places.operatorToken));
    const missing = await waitForReady({ context, places, api, example, apply: given.apply, say, signal: over.signal });
    if (missing !== null) fail(`not ready: ${missing}; the logs are in ${places.logDir}`);
    else {
      const token = (await api.hasSurface(DEFAULT_SURFACE))
        ? await exampleToken(context, given.token, say)
        : 'no surface';
      ready = true;
      if (!over.signal.aborted) context.out(greeting(context.settings, token));
    }
  } catch (error) {
    if (!over.signal.aborted) fail(`the start failed: ${(error as Error).message}`);
  }
  await stopped;
  if (failure !== null) say(failure);
  say('stopping');
  await supervisor.stop();
  unwatch();
  unwatchLog();
  removeSignals();
  say('stopped');
  return failure === null ? 0 : 1;
}

type ExampleResult =
  | { readonly name: string | undefined; readonly foreign: readonly ForeignServer[] }
  | { readonly problem: string };

function readExample(args: readonly string[], rootDir: string): ExampleResult {
  const read = readArguments('up', args);
  if ('problem' in read) return { problem: `up: ${read.problem}` };
  const name = read.flags.example;
  if (name === undefined) return { name, foreign: [] };
  const file = join(rootDir, 'examples', `${name}.yaml`);
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(file))
    return { problem: `up: there is no example "${name}" in ${join(rootDir, 'examples')}` };
  const found = readRunFile(join(rootDir, 'examples', `${name}.run.yaml`));
  return 'problem' in found ? found : { name, foreign: found.servers };
}

function socketsOf(foreign: readonly ForeignServer[]): readonly string[] {
  return foreign.map((server) => server.socket);
}

function readToken(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n');
}
