// Decides how the bench begins and ends as a process: flags, a folder of its own, a report, and nothing left behind.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { onStopSignal, ROOT_DIR } from '../core/runtime/process.ts';
import { checkEnvoyVersion, envoyBinary, pinnedVersion } from '../envoy/binary.ts';
import { fillTable, soak, type Table, USUAL } from './bench.ts';
import { type Children, createChildren } from './children.ts';
import { startLanes } from './lanes.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { LEGEND, markdown } from './table.ts';
import { verdicts } from './targets.ts';

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);
const out = (text: string): void => void process.stdout.write(`${text}\n`);

async function bench(options: Options, workDir: string, children: Children): Promise<number> {
  const envoy = envoyBinary({ envoyBin: resolveNamed(process.env.ENVOY_BIN) }, ROOT_DIR);
  if ('problem' in envoy) throw new Error(envoy.problem);
  const wrong = await checkEnvoyVersion(envoy.path, pinnedVersion(ROOT_DIR));
  if (wrong !== null) throw new Error(wrong);
  const { plan } = options;
  say('starting the backend, the generator, the plain Envoy and Chancery');
  const lanes = await startLanes({
    children,
    rootDir: ROOT_DIR,
    benchDir: import.meta.dirname,
    nodePath: process.execPath,
    envoyPath: envoy.path,
    workDir,
    env: {
      PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: process.env.HOME ?? workDir,
      TMPDIR: tmpdir(),
    },
    wanted: options.soak === null ? plan.lanes : ['chancery'],
    sessionsMax: options.soak === null ? Math.max(USUAL.sessions, ...plan.sessions) : USUAL.sessions,
  });
  const processors = availableParallelism();
  const table =
    options.soak === null
      ? await fillTable(lanes, plan, processors, say)
      : await soak(lanes, options.soak, processors, say);
  return report(options, table, processors);
}

function report(
  { plan, soak: soakCalls, json, check }: Options,
  { cells, troubles }: Table,
  processors: number,
): number {
  const machine = { processors, cpu: cpus()[0]?.model ?? '', node: process.version, envoy: pinnedVersion(ROOT_DIR) };
  out(
    `\n${machine.processors} processors (${machine.cpu}), Node ${machine.node}, Envoy ${machine.envoy} with one worker\n`,
  );
  out(markdown(cells));
  out(`\n${LEGEND}`);
  const judged = verdicts(cells);
  if (judged.length > 0) out(`\n${judged.map(({ sentence }) => sentence).join('\n')}`);
  for (const { where, result } of troubles) {
    out(`errors in ${where}: ${JSON.stringify(result.failures)}`);
    for (const sample of result.samples) out(`  ${sample}`);
  }
  const calls = cells.reduce((sum, cell) => sum + cell.calls, 0);
  out(`\n${calls} calls, ${troubles.length === 0 ? 'no' : 'with'} errors`);
  if (json !== null) {
    mkdirSync(dirname(resolve(json)), { recursive: true });
    const at = new Date().toISOString();
    writeFileSync(
      json,
      `${JSON.stringify({ at, machine, plan, soak: soakCalls, cells, verdicts: judged, troubles }, null, 2)}\n`,
    );
    say(`written to ${json}`);
  }
  return troubles.length > 0 || (check && judged.some(({ met }) => !met)) ? 1 : 0;
}

function resolveNamed(path: string | undefined): string {
  return path === undefined || path === '' ? '' : resolve(path);
}

async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if ('problem' in options) {
    process.stderr.write(`bench: ${options.problem}\n${USAGE}`);
    return 2;
  }
  const workDir = mkdtempSync(join(realpathSync(tmpdir()), 'chancery-bench-'));
  const children = createChildren(process.execPath, Date.now);
  const stopped = new Promise<never>((_, reject) =>
    onStopSignal((signal) => reject(new Error(`stopped by ${signal}`))),
  );
  let keep = false;
  try {
    return await Promise.race([bench(options, workDir, children), stopped]);
  } catch (error) {
    say((error as Error).message);
    keep = !(error as Error).message.startsWith('stopped by');
    return 1;
  } finally {
    await children.end();
    const logs = join(workDir, 'home', 'logs');
    if (keep && existsSync(logs)) say(`logs are kept in ${logs}`);
    else rmSync(workDir, { recursive: true, force: true });
  }
}

process.exit(await main(process.argv.slice(2)));
