// Decides which Envoy binary runs, and that it is of the pinned version.
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type BinaryResult = { readonly path: string } | { readonly problem: string };

const VERSION_DEADLINE_MS = 10_000;

/** The version that Chancery is written for and tested with, e.g. `1.40.0`. */
export function pinnedVersion(rootDir: string): string {
  const pin = JSON.parse(readFileSync(join(rootDir, 'envoy', 'pin.json'), 'utf8')) as { readonly version: string };
  return pin.version;
}

/** The binary that ENVOY_BIN names, or else the one that setup installed; or the sentence that says what to do. Total. */
export function envoyBinary(settings: { readonly envoyBin: string }, rootDir: string): BinaryResult {
  const named = settings.envoyBin !== '';
  const version = pinnedVersion(rootDir);
  const path = named ? settings.envoyBin : join(rootDir, '.cache', `envoy-${version}`, 'envoy');
  try {
    accessSync(path, constants.X_OK);
    return { path };
  } catch {
    const mend = named ? 'set ENVOY_BIN to one' : `run "npm start", which installs Envoy ${version}, or set ENVOY_BIN`;
    return { problem: `${path} is not a program that can be run; ${mend}` };
  }
}

/** Runs `envoy --version`. Resolves to null, or to the sentence that says what was found and what was wanted. */
export function checkEnvoyVersion(path: string, wanted: string): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { timeout: VERSION_DEADLINE_MS, maxBuffer: 64 * 1024, env: {} };
    execFile(path, ['--version'], options, (error, stdout) => {
      // "<path>  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL"
      const found = /version: [0-9a-f]+\/([^/\s]+)\//.exec(stdout)?.[1];
      if (found === wanted) resolve(null);
      else if (found !== undefined)
        resolve(`${path} is Envoy ${found}, wanted ${wanted}; set ENVOY_BIN to an Envoy ${wanted} binary`);
      else {
        const what = error === null ? 'it names no version' : (error.message.split('\n')[0] ?? '').slice(0, 200);
        resolve(`${path} does not run as Envoy ${wanted}: ${what}`);
      }
    });
  });
}
