import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRunFile } from './run-file.ts';

let path = '';
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'run-')), 'x.run.yaml');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

test('an example without a run file brings no servers along', () => {
  expect(readRunFile(path)).toEqual({ servers: [] });
});

test('a server is its script, its socket and what it gets', () => {
  writeFileSync(path, 'servers: [{ name: a, script: a.js, socket: a.sock, env: { PORT: "{socket}" } }]');
  const server = { name: 'a', script: 'a.js', args: [], socket: 'a.sock', env: { PORT: '{socket}' } };
  expect(readRunFile(path)).toEqual({ servers: [server] });
});

test.each([
  ['no YAML', 'servers: [', 'cannot be read'],
  ['an unknown member', 'servers: []\nother: 1', 'other'],
  ['a socket elsewhere', 'servers: [{ name: a, script: a.js, socket: ../a.sock }]', 'servers.0.socket'],
  [
    'a name used twice',
    'servers: [{ name: a, script: a.js, socket: a.sock }, { name: a, script: a.js, socket: b.sock }]',
    'used once',
  ],
  [
    'a socket used twice',
    'servers: [{ name: a, script: a.js, socket: a.sock }, { name: b, script: a.js, socket: a.sock }]',
    'used once',
  ],
  [
    'a name that would leave the log folder',
    'servers: [{ name: ../a, script: a.js, socket: a.sock }]',
    'servers.0.name',
  ],
])('%s is a problem that is named', (_name, text, wanted) => {
  writeFileSync(path, text);
  expect(readRunFile(path)).toMatchObject({ problem: expect.stringContaining(wanted) });
});
