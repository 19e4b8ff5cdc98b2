// Decides how the official suite is run against one URL.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { type Results, readResults } from './results.ts';

const SUITE_DEADLINE_MS = 10 * 60_000;
const SCENARIO_DEADLINE_MS = 30_000;
const OUTPUT_CHARS_SHOWN = 4_000;

function packageDir(): string {
  return dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'));
}

/** Runs the scenarios that `args` name. @throws Error with what the suite said, when it left no results. */
export async function runSuite(url: string, args: readonly string[]): Promise<Results> {
  const folder = mkdtempSync(join(tmpdir(), 'chy-conformance-'));
  const main = join(packageDir(), 'dist', 'index.js');
  const words = ['server', '--url', url, ...args, '-o', folder, '--timeout', String(SCENARIO_DEADLINE_MS)];
  try {
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
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
    const results = readResults(folder);
    if (signal !== null || results.size === 0) throw new Error(`the suite ended by ${signal ?? 'itself'}:\n${output}`);
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The scenarios for servers that a revision's frozen list counts. */
export function scoredScenarios(revision: string): ReadonlySet<string> {
  const { server } = parse(readFileSync(join(packageDir(), 'requirements', `${revision}.yaml`), 'utf8')) as {
    server: string[];
  };
  return new Set(server);
}
