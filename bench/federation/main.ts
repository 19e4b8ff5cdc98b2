// Decides how the federation bench begins and ends as a process: twenty servers, Chancery in front of them, both asked in turns.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { onStopSignal, ROOT_DIR } from '../../core/runtime/process.ts';
import { envoyBinary, pinnedVersion } from '../../envoy/binary.ts';
import { BOUNDS } from '../bounds.ts';
import { type Child, type Children, createChildren } from '../children.ts';
import { within } from '../deadline.ts';
import { type Registered, startStack } from '../stack.ts';
import { ask, INITIALIZE, open, type Place, timed } from './ask.ts';
import { type BackendsOrder, type BackendsReport, socketOf } from './backends.ts';
import { figureOf, listing, markdown, overhead, type Series } from './figures.ts';

const SERVERS = 20;
const TOOLS = 50;
const LATE_MS = 50;
const ROUNDS = 60;
const WARM_UP = 20;
const SURFACE = 'federation';
const LIST = { jsonrpc: '2.0', id: 2, method: 'tools/list' };

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);
const out = (text: string): void => void process.stdout.write(`${text}\n`);

function registered(folder: string): Registered {
  const names = Array.from({ length: SERVERS }, (_, index) => `b${index}`);
  const servers = names.map((name, index) => ({
    path: `/v1/servers/${name}`,
    body: { versions: [{ version: '1', endpoints: [{ url: `unix:${socketOf(folder, index)}:/mcp` }] }] },
  }));
  const rules = [{ id: 'all', effect: 'allow', tools: ['*'] }];
  return {
    documents: [
      ...servers,
      { path: `/v1/surfaces/${SURFACE}`, body: { servers: names.map((server) => ({ server })) } },
      { path: '/v1/policies/federation', body: { version: 'tbac/v1', surfaces: [SURFACE], rules } },
    ],
    surface: SURFACE,
    tool: `b${SERVERS - 1}__tool_${TOOLS - 1}`,
  };
}

/** Tells the backends how late one of them is; resolves to what they were asked so far. */
function tell(backends: Child, order: BackendsOrder): Promise<number> {
  const told = new Promise<number>((resolve) => {
    const stop = backends.onMessage((message) => {
      stop();
      resolve((message as BackendsReport).requests);
    });
    backends.send(order);
  });
  return within('the backends answer', BOUNDS.childReadyDeadlineMs, Promise.race([told, backends.ended]));
}

/** Both ways in turns, so that a busy moment of the machine is in both. */
async function sideBySide(name: string, ways: Readonly<Record<string, () => Promise<unknown>>>): Promise<Series[]> {
  const series = Object.keys(ways).map((way) => ({ what: `${name}, ${way}`, times: [] as number[] }));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [index, step] of Object.values(ways).entries()) {
      const time = await timed(step);
      if (round >= 0) series[index]!.times.push(time);
    }
  }
  return series;
}

async function measure(workDir: string, children: Children): Promise<number> {
  const envoy = envoyBinary({ envoyBin: process.env.ENVOY_BIN ?? '' }, ROOT_DIR);
  if ('problem' in envoy) throw new Error(envoy.problem);
  const env = { PATH: process.env.PATH ?? '', HOME: workDir, TMPDIR: tmpdir() };
  const args = [join(import.meta.dirname, 'backends.ts'), workDir, String(SERVERS), String(TOOLS)];
  const backends = children.start({ name: 'backends', command: process.execPath, args, env, messages: true });
  const listening = new Promise<void>((resolve) => {
    const stop = backends.onMessage(() => {
      stop();
      resolve();
    });
  });
  await within('the backends listen', BOUNDS.childReadyDeadlineMs, Promise.race([listening, backends.ended]));
  say('starting Chancery');
  const { target } = await startStack({
    children,
    rootDir: ROOT_DIR,
    nodePath: process.execPath,
    envoyPath: envoy.path,
    home: join(workDir, 'home'),
    backendSocket: '',
    env,
    registered: registered(workDir),
  });
  const gateway: Place = { at: { port: target.port }, path: target.path, headers: target.headers };
  const direct = Array.from(
    { length: SERVERS },
    (_, index): Place => ({
      at: { socketPath: socketOf(workDir, index) },
      path: '/mcp',
      headers: { host: 'localhost' },
    }),
  );
  const verdicts = [];
  const series: Series[] = [];
  for (const [name, lateMs] of [
    ['initialize of 20 servers', 0],
    [`the same, one of them ${LATE_MS} ms late`, LATE_MS],
  ] as const) {
    say(name);
    await tell(backends, { lateMs });
    const [straight, through] = await sideBySide(name, {
      direct: () => Promise.all(direct.map(open)),
      Chancery: () => ask(gateway, INITIALIZE),
    });
    series.push(straight!, through!);
    verdicts.push(overhead(name, figureOf(straight!), figureOf(through!)));
  }
  say('tools/list');
  const { session } = await open(gateway);
  const before = await tell(backends, { lateMs: 0 });
  const lists = await sideBySide(`tools/list of ${SERVERS} × ${TOOLS} tools`, {
    Chancery: () => ask(gateway, LIST, session),
  });
  const asked = (await tell(backends, { lateMs: 0 })) - before;
  series.push(...lists);
  verdicts.push(listing(figureOf(lists[0]!), asked));
  const { text } = await ask(gateway, LIST, session);
  const { tools } = (JSON.parse(text) as { result: { tools: unknown[] } }).result;
  out(
    `\n${availableParallelism()} processors (${cpus()[0]?.model ?? ''}), Node ${process.version}, Envoy ${pinnedVersion(ROOT_DIR)} with one worker, ${ROUNDS} rounds in turns\n`,
  );
  out(markdown(series.map(figureOf)));
  out(`\n${tools.length} tools in ${Math.round(text.length / 1024)} KiB\n`);
  for (const { sentence } of verdicts) out(sentence);
  return verdicts.every(({ met }) => met) && tools.length === SERVERS * TOOLS ? 0 : 1;
}

async function main(): Promise<number> {
  const workDir = mkdtempSync(join(realpathSync(tmpdir()), 'chy-fed-'));
  const children = createChildren(process.execPath, Date.now);
  const stopped = new Promise<never>((_, reject) =>
    onStopSignal((signal) => reject(new Error(`stopped by ${signal}`))),
  );
  try {
    return await Promise.race([measure(workDir, children), stopped]);
  } catch (error) {
    say((error as Error).message);
    return 1;
  } finally {
    await children.end();
    rmSync(workDir, { recursive: true, force: true });
  }
}

process.exit(await main());
