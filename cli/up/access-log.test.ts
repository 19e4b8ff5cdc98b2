import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accessLogRotation } from './access-log.ts';

let folder: string;
let path: string;
let socket: string;
const asked: string[] = [];
/** What Envoy says to each question; 0: nothing, it hangs up. */
let status = 200;
const admin = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  if (status === 0) return void response.destroy();
  response.writeHead(status).end();
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chy-log-'));
  [path, socket] = [join(folder, 'access.log'), join(folder, 'a.sock')];
  asked.length = 0;
  status = 200;
  await new Promise<void>((resolve) => admin.listen(socket, resolve));
});
afterEach(async () => {
  await new Promise((resolve) => admin.close(resolve));
  rmSync(folder, { recursive: true });
});
const REOPEN = 'POST /reopen_logs';

test('a log within its bound is left alone, and so is one that is not there', async () => {
  const look = accessLogRotation(path, socket, 3);
  await look();
  writeFileSync(path, 'abc');
  await look();
  expect([asked, readFileSync(path, 'utf8'), existsSync(`${path}.1`)]).toEqual([[], 'abc', false]);
});

test('a longer one is moved away, and Envoy is asked once to open it anew', async () => {
  writeFileSync(path, 'abcd');
  const look = accessLogRotation(path, socket, 3);
  await look();
  await look();
  expect([asked, readFileSync(`${path}.1`, 'utf8'), existsSync(path)]).toEqual([[REOPEN], 'abcd', false]);
});

test.each([500, 0])(
  'Envoy, which answered %s, is asked again until it takes it, and nothing more is moved',
  async (said) => {
    writeFileSync(path, 'abcd');
    const look = accessLogRotation(path, socket, 3);
    status = said;
    await look();
    // What Envoy wrote since, as it would if it had opened the log by itself.
    writeFileSync(path, 'efghi');
    await look();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('abcd');
    status = 200;
    await look();
    expect(asked).toEqual([REOPEN, REOPEN, REOPEN]);
    await look();
    expect([asked.length, readFileSync(`${path}.1`, 'utf8')]).toEqual([4, 'efghi']);
  },
);

test('while an answer is awaited nothing is asked', async () => {
  writeFileSync(path, 'abcd');
  const look = accessLogRotation(path, socket, 3);
  await Promise.all([look(), look()]);
  expect(asked).toEqual([REOPEN]);
});
