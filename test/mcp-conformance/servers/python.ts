// Decides how the Python SDK's server gets its packages, by pip and compared with their hashes, and how it is started.
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT_DIR } from '../../../core/runtime/process.ts';
import { type ProcessServer, startProcessServer } from './process-server.ts';

const REQUIREMENTS = join(import.meta.dirname, 'python-requirements.txt');
const SERVER = join(import.meta.dirname, 'python-server.py');
const PIP_DEADLINE_MS = 5 * 60_000;
const HASH_CHARS = 12;
const run = promisify(execFile);

export async function startPython(): Promise<ProcessServer> {
  // -I: nothing of the machine's own packages or environment.
  return startProcessServer(join(await environment(), 'bin', 'python'), ['-I', SERVER]);
}

/** A folder in the cache, by what is in it; it appears by one rename. @throws Error with pip's words. */
async function environment(): Promise<string> {
  const target = join(
    ROOT_DIR,
    '.cache',
    `python-mcp-${hash('sha256', readFileSync(REQUIREMENTS)).slice(0, HASH_CHARS)}`,
  );
  if (existsSync(target)) return target;
  mkdirSync(join(ROOT_DIR, '.cache'), { recursive: true });
  process.stderr.write('installing the Python packages of python-requirements.txt (half a minute)\n');
  const scratch = mkdtempSync(join(ROOT_DIR, '.cache', 'download-'));
  const options = { timeout: PIP_DEADLINE_MS };
  try {
    const made = join(scratch, 'python');
    // Without pip inside: a system that has pip, as Envoy needs it, need not have what venv takes it from.
    await run('python3', ['-m', 'venv', '--without-pip', made], options);
    const ask = 'import sysconfig; print(sysconfig.get_path("purelib"))';
    const { stdout } = await run(join(made, 'bin', 'python'), ['-c', ask], options);
    const fixed = ['--only-binary=:all:', '--no-deps', '--require-hashes', '--disable-pip-version-check', '--quiet'];
    const from = ['--target', stdout.trim(), '--requirement', REQUIREMENTS];
    await run('python3', ['-m', 'pip', 'install', ...fixed, ...from], options);
    renameSync(made, target);
    return target;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
