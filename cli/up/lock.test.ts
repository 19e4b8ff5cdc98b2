import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { releaseLock, takeLock } from './lock.ts';
import { identify, type ProcessId } from './process-id.ts';

const self = identify(process.pid)!;
const gone: ProcessId = { pid: process.pid, start: 'another time' };
let dir = '';
let path = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
  path = join(dir, 'up.lock');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const take = (owner: ProcessId) => takeLock(path, { owner, launchers: [] }, Date.now);

test('a free lock is taken, and given back by its owner only', async () => {
  expect(await take(self)).toEqual({ held: true });
  releaseLock(path, gone);
  expect(existsSync(path)).toBe(true);
  releaseLock(path, self);
  expect(readdirSync(dir)).toEqual([]);
});

test('the lock of a live process is not taken, and says whose it is', async () => {
  await take(self);
  expect(await take(self)).toEqual({ held: false, owner: self });
});

test.each([
  ['a process id that means another process now', JSON.stringify({ owner: gone, launchers: [] })],
  ['no JSON', '{'],
  ['other JSON', '{"owner":{"pid":0,"start":""},"launchers":[]}'],
  ['nothing', ''],
])('a lock that holds %s is taken over, and nothing is left beside it', async (_name, text) => {
  writeFileSync(path, text);
  expect(await take(self)).toEqual({ held: true });
  expect(readdirSync(dir)).toEqual(['up.lock']);
});

test('an owner whose launcher is gone is waited for', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  children.push(child);
  const owner = identify(child.pid!)!;
  writeFileSync(path, JSON.stringify({ owner, launchers: [gone] }));
  const taken = take(self);
  child.kill('SIGKILL');
  expect(await taken).toEqual({ held: true });
});

test('an owner that is going down and does not end in time keeps the lock', async () => {
  writeFileSync(path, JSON.stringify({ owner: self, launchers: [gone] }));
  let now = 0;
  const clock = (): number => {
    now += 1_000;
    return now;
  };
  expect(await takeLock(path, { owner: self, launchers: [] }, clock)).toEqual({ held: false, owner: self });
});
