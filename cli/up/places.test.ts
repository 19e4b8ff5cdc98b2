import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { makePlaces, placesOf, removeRunDir, sweepRunDir } from './places.ts';

const uid = process.getuid?.() ?? 0;
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'places-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('the sockets lie in the home folder when their paths are short enough', () => {
  expect(placesOf({ home: '/srv/x', runDir: '' }, { uid, tmpDir: '/t' }).runDir).toBe('/srv/x/run');
});

test('the sockets of a home with a long path lie in a private folder, one for each user and home', () => {
  const home = (letter: string): string => `/${letter.repeat(LIMITS.socketPathBytesMax)}`;
  const one = placesOf({ home: home('a'), runDir: '' }, { uid: 7, tmpDir: '/t' }).runDir;
  expect(one).toMatch(/^\/t\/chancery-7-[0-9a-f]{12}$/);
  expect(placesOf({ home: home('b'), runDir: '' }, { uid: 7, tmpDir: '/t' }).runDir).not.toBe(one);
  expect(placesOf({ home: home('a'), runDir: '' }, { uid: 8, tmpDir: '/t' }).runDir).not.toBe(one);
});

test('a run folder that is set is taken as it is', () => {
  expect(placesOf({ home: '/srv/x', runDir: '/run/c' }, { uid, tmpDir: '/t' }).runDir).toBe('/run/c');
});

test('the folders are made with mode 0700, and a home that others could read is narrowed', () => {
  const home = join(dir, 'home');
  mkdirSync(home, { mode: 0o755 });
  const places = placesOf({ home, runDir: '' }, { uid, tmpDir: dir });
  expect(makePlaces(places, { uid, tmpDir: dir })).toBeNull();
  for (const path of [places.home, places.runDir, places.logDir]) expect(statSync(path).mode & 0o777).toBe(0o700);
});

test.each([
  ['a link in its place', (path: string) => symlinkSync(dir, path), 'is not a folder'],
  ['a file in its place', (path: string) => writeFileSync(path, ''), 'cannot be used'],
  [
    'a folder that others may write to',
    (path: string) => {
      mkdirSync(path);
      chmodSync(path, 0o1777);
    },
    'is open to others',
  ],
  [
    'a folder elsewhere that others may read, which is not narrowed,',
    (path: string) => mkdirSync(path, { mode: 0o755 }),
    'is open to others',
  ],
])('as run folder, %s is refused', (_name, plant, reason) => {
  const runDir = join(dir, 'run');
  plant(runDir);
  const owner = { uid, tmpDir: dir };
  expect(makePlaces(placesOf({ home: join(dir, 'home'), runDir }, owner), owner)).toContain(reason);
});

test("another user's folder is refused", () => {
  const owner = { uid: uid + 1, tmpDir: dir };
  expect(makePlaces(placesOf({ home: join(dir, 'home'), runDir: '' }, owner), owner)).toContain(
    'belongs to another user',
  );
});

test('a run folder with too long a path is refused, with the setting to change', () => {
  const owner = { uid, tmpDir: dir };
  const places = placesOf({ home: join(dir, 'home'), runDir: join(dir, 'x'.repeat(90)) }, owner);
  expect(makePlaces(places, owner)).toContain('--run-dir or CHANCERY_RUN_DIR');
});

test('a sweep removes our sockets and the bootstrap, and nothing else', () => {
  const owner = { uid, tmpDir: dir };
  const places = placesOf({ home: join(dir, 'home'), runDir: join(dir, 'run') }, owner);
  expect(makePlaces(places, owner)).toBeNull();
  for (const name of [
    'ads.sock',
    'bridge-memory-1.sock',
    'ext-proc-2.sock',
    'instance-1.sock',
    'everything-0.sock',
    'other.sock',
    'bridge.txt',
    'envoy-bootstrap.json',
  ]) {
    writeFileSync(join(places.runDir, name), '');
  }
  sweepRunDir(places, ['everything-0.sock']);
  expect(readdirSync(places.runDir).sort()).toEqual(['bridge.txt', 'other.sock']);
  removeRunDir(places);
  expect(existsSync(places.runDir)).toBe(true);
});
