// Decides how the official suite is run once.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { type Results, readResults } from './results.ts';

const SUITE_DEADLINE_MS = 10 * 60_000;
const SCENARIO_DEADLINE_MS = 30_000;
const OUTPUT_CHARS_SHOWN = 4_000;

/** The suite tests a server, or a client. */
export type Side = 'server' | 'client';

/** Split at its spaces by the suite, which a path of somebody's may have: so from the project's folder. */
const CLIENT = 'node_modules/.bin/node test/mcp-conformance/client/main.ts';

function packageDir(): string {
  return dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'));
}

/** Against the server at `url`. */
export function testServer(url: string, args: readonly string[]): Promise<Results> {
  return run('server', ['--url', url, ...args], {});
}

/** `env`: what the client is told beside the suite's own words. */
export function testClient(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Results> {
  return run('client', ['--command', CLIENT, ...args], env);
}

/** Runs the scenarios that `args` name. @throws Error with what the suite said, when it left no results. */
async function run(side: Side, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Results> {
  const folder = mkdtempSync(join(tmpdir(), 'chy-conformance-'));
  const main = join(packageDir(), 'dist', 'index.js');
  const words = [side, ...args, '-o', folder, '--timeout', String(SCENARIO_DEADLINE_MS)];
  try {
    const child = spawn(process.execPath, [main, ...words], {
      cwd: ROOT_DIR,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARS_SHOWN);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => child.kill('SIGKILL'), SUITE_DEADLINE_MS);
    // Its exit status says whether anything failed; what failed is in the files.
    const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (_status, by) => resolve(by));
    });
    clearTimeout(timer);
    const results = readResults(folder, side);
    if (signal !== null || results.size === 0) throw new Error(`the suite ended by ${signal ?? 'itself'}:\n${output}`);
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The scenarios that a revision's frozen list counts. */
export function scoredScenarios(revision: string, side: Side): ReadonlySet<string> {
  const text = readFileSync(join(packageDir(), 'requirements', `${revision}.yaml`), 'utf8');
  return new Set((parse(text) as Readonly<Record<Side, string[]>>)[side]);
}
