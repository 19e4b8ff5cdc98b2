import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function chancery(root: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { CHANCERY_CONFIG: '/dev/null', CHANCERY_HOME: join(dir, 'home') };
    execFile(process.execPath, [join(root, 'cli', 'chancery.mjs'), ...args], { env, cwd: dir }, (error, out, err) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

test('a checkout without packages says what to run', async () => {
  mkdirSync(join(dir, 'cli'));
  cpSync(join(ROOT, 'cli', 'chancery.mjs'), join(dir, 'cli', 'chancery.mjs'));
  const { status, err } = await chancery(dir, ['up']);
  expect(status).toBe(1);
  expect(err).toContain('not set up yet; run "npm start" once');
});

test('help names every command and every setting', async () => {
  const { status, out } = await chancery(ROOT, ['--help']);
  expect(status).toBe(0);
  for (const word of [
    'up',
    'apply -f FILE',
    'get KIND [NAME]',
    'token',
    '--api-port',
    'CHANCERY_ADS_PORT',
    'CHANCERY_TOKEN',
  ])
    expect(out).toContain(word);
});

test.each([
  ['--help behind it', ['apply', '--help']],
  ['-h behind it', ['apply', '-h', '-f', 'x']],
  ['help before it', ['help', 'apply']],
])('a command with %s says what it does, with its flags, examples and exit statuses', async (_name, args) => {
  const { status, out } = await chancery(ROOT, args);
  expect(status).toBe(0);
  for (const line of [
    'usage: chancery apply -f FILE|DIR|-',
    '  --prune ',
    '  chancery apply -f my-servers.yaml',
    '  2  with --dry-run',
  ])
    expect(out).toContain(line);
});

test.each([
  ['an unknown command', ['fly'], 'there is no command "fly"; the commands are up, apply, export, get,'],
  ['a command that is misspelt', ['exprot'], 'there is no command "exprot" (did you mean "export"?)'],
  ['half a command', ['key'], '"key" wants another word: key create, key list, key revoke'],
  ['a misspelt half', ['key', 'crate'], 'there is no command "key crate" (did you mean "key create"?)'],
  ['a flag of another command', ['get', '--prune'], 'there is no flag "--prune"'],
  ['no command', [], 'usage:'],
  ['a name that every object has', ['constructor'], 'there is no command "constructor"'],
  ['a setting without value', ['up', '--port'], '--port needs a value'],
  ['a setting that cannot be used', ['up', '--port', '0'], '--port: "0" is not a whole number from 1 to 65535'],
])('%s is a usage error', async (_name, args, wanted) => {
  const { status, err } = await chancery(ROOT, args);
  expect(status).toBe(1);
  expect(err).toContain(wanted);
});

test.each([
  ['an unknown flag', ['up', '--fast'], 'there is no flag "--fast"'],
  ['an unknown example', ['up', '--example', 'none'], 'there is no example "none"'],
  ['an example elsewhere', ['up', '--example', '../x'], 'there is no example "../x"'],
])('%s of up is one sentence', async (_name, args, wanted) => {
  const { status, err } = await chancery(ROOT, args);
  expect(status).toBe(1);
  expect(err).toContain(wanted);
});
