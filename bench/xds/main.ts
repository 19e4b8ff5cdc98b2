// Decides how the xDS bench begins and ends as a process: flags, a folder of its own, a report, and nothing left behind.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { onStopSignal, ROOT_DIR } from '../../core/runtime/process.ts';
import { envoyBinary, pinnedVersion } from '../../envoy/binary.ts';
import { BOUNDS } from '../bounds.ts';
import { type Children, createChildren } from '../children.ts';
import { startControlPlane, startEgress } from './control-plane.ts';
import { figuresOf, type Measured, missed, tableOf } from './figures.ts';
import { startFleet } from './fleet.ts';
import { allRead, burst, change, load } from './measure.ts';
import { readXdsOptions, USAGE, type XdsOptions } from './options.ts';

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);
const out = (text: string): void => void process.stdout.write(`${text}\n`);

async function measure(options: XdsOptions, workDir: string, children: Children): Promise<Measured> {
  // The control plane reads Envoy's descriptors from it; no Envoy runs.
  const envoy = envoyBinary({ envoyBin: process.env.ENVOY_BIN ?? '' }, ROOT_DIR);
  if ('problem' in envoy) throw new Error(envoy.problem);
  const env = { PATH: process.env.PATH ?? '', HOME: workDir, TMPDIR: tmpdir() };
  const input = {
    children,
    rootDir: ROOT_DIR,
    nodePath: process.execPath,
    envoyPath: envoy.path,
    home: join(workDir, 'home'),
    env,
  };
  await startEgress(input);
  const empty = await startControlPlane(input);
  say(`registering ${options.servers} servers and ${options.surfaces} surfaces`);
  const loadMs = await load(empty, options);
  say('waiting until all servers are read');
  const readMs = await allRead(empty, options);
  await empty.stop();
  say('starting the control plane with them');
  const plane = await startControlPlane(input);
  const { servers, clients, wildcards, held } = options;
  say(`connecting ${clients} clients`);
  const firstMs = performance.now();
  const fleet = startFleet({
    children,
    nodePath: process.execPath,
    clientsFile: join(import.meta.dirname, 'clients.ts'),
    env,
    processes: 2,
    clients,
    start: { socket: plane.adsSocket, wildcards, held, servers },
  });
  const first = await fleet.settled(BOUNDS.arrivalDeadlineMs);
  const settledMs = performance.now() - firstMs;
  const memory = plane.memory();
  say(`changing one endpoint ${options.changes} times`);
  const changes = await change(plane, fleet, options);
  say(`changing ${options.burst} endpoints at once`);
  const burstFigures = await burst(plane, fleet, options);
  return { loadMs, readMs, startMs: plane.startMs, memory, first, firstMs: settledMs, changes, burst: burstFigures };
}

async function main(): Promise<number> {
  const options = readXdsOptions(process.argv.slice(2));
  if ('problem' in options) {
    process.stderr.write(`bench: ${options.problem}\n${USAGE}`);
    return 2;
  }
  const workDir = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const children = createChildren(process.execPath, () => performance.now());
  const stopped = new Promise<never>((_, reject) => {
    onStopSignal((signal) => reject(new Error(`stopped by ${signal}`)));
  });
  try {
    const measured = await Promise.race([measure(options, workDir, children), stopped]);
    const figures = figuresOf(options, measured);
    const machine = { processors: availableParallelism(), cpu: cpus()[0]?.model ?? '', node: process.version };
    out(
      `\n${machine.processors} processors (${machine.cpu}), Node ${machine.node}, Envoy ${pinnedVersion(ROOT_DIR)}\n`,
    );
    out(tableOf(figures));
    const json = { machine, options, figures, measured };
    if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(json, null, 2)}\n`);
    const sentences = missed(figures);
    for (const sentence of sentences) say(sentence);
    return options.check && sentences.length > 0 ? 1 : 0;
  } finally {
    await children.end();
    rmSync(workDir, { recursive: true, force: true });
  }
}

try {
  process.exit(await main());
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
