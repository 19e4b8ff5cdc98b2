import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkEnvoyVersion, envoyBinary, pinnedVersion } from './binary.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'envoy-'));
  mkdirSync(join(dir, 'envoy'));
  writeFileSync(join(dir, 'envoy', 'pin.json'), '{"version":"9.8.7"}');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function program(path: string, text: string, mode = 0o755): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test('the pinned version is that of the project', () => {
  expect(pinnedVersion(join(import.meta.dirname, '..'))).toBe('1.40.0');
});

test('the binary that setup installed runs, unless ENVOY_BIN names another', () => {
  const installed = program(join(dir, '.cache', 'envoy-9.8.7', 'envoy'), '');
  const other = program(join(dir, 'other'), '');
  expect(envoyBinary({ envoyBin: '' }, dir)).toEqual({ path: installed });
  expect(envoyBinary({ envoyBin: other }, dir)).toEqual({ path: other });
});

test.each([
  ['nothing installed', '', 'run "npm start", which installs Envoy 9.8.7, or set ENVOY_BIN'],
  ['an ENVOY_BIN that is not there', 'nowhere', 'set ENVOY_BIN to one'],
  ['an ENVOY_BIN that is not executable', 'text', 'set ENVOY_BIN to one'],
])('%s is one sentence', (_name, envoyBin, wanted) => {
  program(join(dir, 'text'), 'x', 0o644);
  expect(envoyBinary({ envoyBin: envoyBin === '' ? '' : join(dir, envoyBin) }, dir)).toMatchObject({
    problem: expect.stringContaining(wanted),
  });
});

test.each([
  ['the pinned version is fine', 'echo "envoy  version: 0a1b/9.8.7/Clean/RELEASE/BoringSSL"', null],
  ['a neighbour is not', 'echo "envoy  version: 0a1b/9.8.71/Clean/RELEASE/BoringSSL"', 'is Envoy 9.8.71, wanted 9.8.7'],
  [
    'a development build is not',
    'echo "envoy  version: 0a1b/9.8.7-dev/Clean/RELEASE/BoringSSL"',
    'is Envoy 9.8.7-dev, wanted 9.8.7',
  ],
  ['another program is not', 'echo hello', 'it names no version'],
  ['a program that fails is not', 'exit 3', 'does not run as Envoy 9.8.7'],
])('%s', async (_name, script, wanted) => {
  const path = program(join(dir, 'envoy-bin'), `#!/bin/sh\n${script}\n`);
  const problem = await checkEnvoyVersion(path, '9.8.7');
  if (wanted === null) expect(problem).toBeNull();
  else expect(problem).toContain(wanted);
});

test('a path that cannot be run is one sentence', async () => {
  expect(await checkEnvoyVersion(join(dir, 'nowhere'), '9.8.7')).toContain('does not run as Envoy 9.8.7');
});
