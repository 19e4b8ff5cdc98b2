import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endLeftovers, endProcesses, readPids, writePids } from './leftovers.ts';
import { identify, isAlive, type ProcessId, startOf } from './process-id.ts';

let dir = '';
let path = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pids-'));
  path = join(dir, 'pids.json');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** A child that leads a group of its own, as parts do; it speaks once it is set up. */
async function startChild(script: string): Promise<ProcessId> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return identify(child.pid!)!;
}

test('what a killed instance left is ended by TERM', async () => {
  const id = await startChild('echo; exec sleep 60');
  writePids(path, [id]);
  expect(await endLeftovers(path, Date.now)).toBe(1);
  expect(isAlive(id)).toBe(false);
  expect(existsSync(path)).toBe(false);
});

test('one that does not listen to TERM is killed after the grace', async () => {
  const id = await startChild("trap '' TERM; echo; while :; do sleep 1; done");
  expect(await endProcesses([id], 50, Date.now)).toEqual([id]);
  expect(isAlive(id)).toBe(false);
});

test('a process that only has the same id is left alone', async () => {
  const id = await startChild('echo; exec sleep 60');
  writePids(path, [{ ...id, start: 'another time' }]);
  expect(await endLeftovers(path, Date.now)).toBe(0);
  expect(isAlive(id)).toBe(true);
});

test.each([
  ['no file', undefined],
  ['no JSON', '['],
  ['no list', '{}'],
  [
    'entries that could mean everybody',
    '[{"pid":-1,"start":"x"},{"pid":0,"start":"x"},{"pid":1,"start":"x"},{"pid":2,"start":""},null]',
  ],
])('a record with %s names nobody', (_name, text) => {
  if (text !== undefined) writeFileSync(path, text);
  expect(readPids(path)).toEqual([]);
});

test.each([
  ['none', 0],
  ['a negative one', -1],
  ['a fraction', 1.5],
  ['one that no system gives', 2 ** 31],
])('no process has the id: %s', (_name, pid) => {
  expect(startOf(pid)).toBeNull();
});
