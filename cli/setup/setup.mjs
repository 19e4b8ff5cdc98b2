// Decides what is missing before anything can run (packages, Node 24, Envoy) and gets it; runs on Node 20, needs no package.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const platform = `${process.platform}-${process.arch}`;
const NODE_MAJOR_MIN = 20;

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

async function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN) {
    say(`this is Node ${process.versions.node}; Node ${NODE_MAJOR_MIN} or later is needed (https://nodejs.org)`);
    return 1;
  }
  const { isSetUp, installPackages, writeStamp } = await import('./packages.mjs');
  const { hasEnvoy, installEnvoy, readPin } = await import('../../envoy/install.mjs');
  const { env } = process;
  const pin = readPin(rootDir);
  if (isSetUp(rootDir) && hasEnvoy(rootDir, env, pin)) return 0;

  const [{ withLock }, { placeNode }, { lastLines, runProgram, SetupError }] = await Promise.all([
    import('./lock.mjs'),
    import('./node-binary.mjs'),
    import('./program.mjs'),
  ]);
  try {
    await withLock(join(rootDir, '.cache', 'setup.lock'), say, async () => {
      if (!isSetUp(rootDir)) {
        await installPackages({ rootDir, env, say });
        await placeNode({ rootDir, env, platform, say });
        writeStamp(rootDir);
      }
      if (!hasEnvoy(rootDir, env, pin)) {
        const problem = await installEnvoy({ rootDir, env, platform, pin, say, runProgram, lastLines });
        if (problem !== null) throw new SetupError(problem);
      }
    });
    say('done');
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    return 1;
  }
}

process.exitCode = await main();
