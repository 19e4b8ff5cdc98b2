// Decides which file is the Node that everything runs on: the one of the pinned package, at node_modules/.bin/node.
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, runProgram, SetupError } from './program.mjs';

export const NODE_MAJOR = 24;

/** Puts the Node of the lock file where `#!/usr/bin/env node` finds it inside npm scripts, and sees that it runs. */
export async function placeNode({ rootDir, env, platform, say }) {
  const modules = join(rootDir, 'node_modules');
  const packaged = join(modules, `node-${platform}`, 'bin', 'node');
  const binary = join(modules, 'node', 'bin', 'node');
  if (existsSync(packaged)) {
    mkdirSync(join(modules, 'node', 'bin'), { recursive: true });
    placeFile(packaged, binary);
  } else {
    // No platform package in the lock file: the package `node` knows the name of its own for more platforms.
    say(`downloading Node ${NODE_MAJOR} for ${platform}`);
    const still = (seconds) => say(`still downloading Node (${seconds} s)`);
    const options = { cwd: join(modules, 'node'), env, still };
    const { status, output } = await runProgram(process.execPath, ['installArchSpecificPackage.js'], options);
    if (status !== 0 || !existsSync(binary)) {
      throw new SetupError(
        `there is no Node ${NODE_MAJOR} package for ${platform}, or it could not be installed:${lastLines(output)}`,
      );
    }
  }
  placeLink('../node/bin/node', join(modules, '.bin', 'node'));
  const { status, output } = await runProgram(join(modules, '.bin', 'node'), ['--version'], { cwd: rootDir, env });
  if (status !== 0 || !output.startsWith(`v${NODE_MAJOR}.`)) {
    throw new SetupError(`node_modules/.bin/node does not run as Node ${NODE_MAJOR} here:${lastLines(output)}`);
  }
}

/** A hard link, as 120 MB need not lie there twice; a copy where the file system has none. */
function placeFile(from, to) {
  const scratch = `${to}.${process.pid}`;
  rmSync(scratch, { force: true });
  try {
    linkSync(from, scratch);
  } catch {
    copyFileSync(from, scratch);
  }
  chmodSync(scratch, 0o755);
  renameSync(scratch, to);
  // A rename onto another link of the same file does nothing (POSIX rename), and leaves the first name behind.
  rmSync(scratch, { force: true });
}

function placeLink(target, path) {
  mkdirSync(join(path, '..'), { recursive: true });
  const scratch = `${path}.${process.pid}`;
  rmSync(scratch, { force: true });
  symlinkSync(target, scratch);
  renameSync(scratch, path);
}
