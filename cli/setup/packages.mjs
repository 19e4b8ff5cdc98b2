// Decides whether the npm packages on disk are those of the lock file, and installs them when not.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lastLines, runProgram, SetupError } from './program.mjs';

const stampPath = (rootDir) => join(rootDir, 'node_modules', '.chancery-setup.json');
const nodePath = (rootDir) => join(rootDir, 'node_modules', '.bin', 'node');

function lockHash(rootDir) {
  return createHash('sha256')
    .update(readFileSync(join(rootDir, 'package-lock.json')))
    .digest('hex');
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** True when the last setup finished with this lock file, and its Node is still the one that it left. */
export function isSetUp(rootDir) {
  const stamp = readJson(stampPath(rootDir));
  if (stamp === null || stamp.lock !== lockHash(rootDir)) return false;
  try {
    return statSync(nodePath(rootDir)).size === stamp.nodeBytes;
  } catch {
    return false;
  }
}

/** Leaves the mark by which `isSetUp` knows; the last step. */
export function writeStamp(rootDir) {
  const stamp = { lock: lockHash(rootDir), nodeBytes: statSync(nodePath(rootDir)).size };
  const scratch = `${stampPath(rootDir)}.${process.pid}`;
  writeFileSync(scratch, JSON.stringify(stamp));
  renameSync(scratch, stampPath(rootDir));
}

/** True when npm's own record says that every package of the lock file is there (somebody ran `npm ci` by hand). */
function isInstalled(rootDir) {
  const wanted = readJson(join(rootDir, 'package-lock.json'))?.packages;
  const found = readJson(join(rootDir, 'node_modules', '.package-lock.json'))?.packages;
  if (wanted === undefined || found === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    if (found[path] === undefined) return entry.optional === true;
    return found[path].version === entry.version && found[path].integrity === entry.integrity;
  });
}

/** Installs the packages of the lock file, without running any of their scripts. */
export async function installPackages({ rootDir, env, say }) {
  if (isInstalled(rootDir)) return;
  say('installing the npm packages of package-lock.json (half a minute)');
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const still = (seconds) => say(`still installing npm packages (${seconds} s)`);
  const { status, output } = await runProgram('npm', args, { cwd: rootDir, env: withoutOwnBin(env, rootDir), still });
  if (status === null)
    throw new SetupError('npm is not found; install Node 20 or later together with npm (https://nodejs.org)');
  if (status !== 0)
    throw new SetupError(`npm could not install the packages (exit status ${status}):${lastLines(output)}`);
}

/** npm runs on the machine's own Node: `npm ci` removes the folder in which ours lies. */
function withoutOwnBin(env, rootDir) {
  const own = join(rootDir, 'node_modules', '.bin');
  const path = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== own);
  return { ...env, PATH: path.join(delimiter) };
}
