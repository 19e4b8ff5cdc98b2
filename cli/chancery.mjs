#!/usr/bin/env node
// Decides on which Node the command line runs: the project's own, whatever Node started this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 24;
const cliDir = dirname(fileURLToPath(import.meta.url));
const modules = join(dirname(cliDir), 'node_modules');
const node = join(modules, '.bin', 'node');
const main = join(cliDir, 'main.ts');

const fits = Number(process.versions.node.split('.')[0]) === NODE_MAJOR;

if (!existsSync(fits ? modules : node)) {
  process.stderr.write(
    'chancery: the project is not set up yet; run "npm start" once (or "node cli/setup/setup.mjs")\n',
  );
  process.exitCode = 1;
} else if (fits) {
  await import('./main.ts');
} else {
  const env = { ...process.env, CHANCERY_LAUNCHER: String(process.pid) };
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`chancery: ${node} cannot be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
