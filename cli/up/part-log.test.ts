import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type LogForm, lineToShow, openPartLog } from './part-log.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test.each<[string, string, LogForm, string | null]>([
  ['a warning of ours is shown', '{"level":40,"msg":"slow"}', 'json', 'warning: slow'],
  [
    'an error of ours is shown with its cause',
    '{"level":50,"msg":"no","err":{"message":"why"}}',
    'json',
    'error: no (why)',
  ],
  [
    'whom it is about and why come with it',
    '{"level":40,"server":"a","error":"no answer","failures":3,"msg":"a server cannot be read"}',
    'json',
    'warning: a server cannot be read (a: no answer)',
  ],
  [
    "Envoy's own words about what it refused come with it",
    '{"level":40,"node":"envoy-1","message":"Failed to load","version":"v1","msg":"envoy refused CDS"}',
    'json',
    'warning: envoy refused CDS (envoy-1: Failed to load)',
  ],
  [
    'all problems come with it, and what is no text does not',
    '{"level":50,"problems":["one","two",3],"server":{"name":"a"},"msg":"no"}',
    'json',
    'error: no (one: two)',
  ],
  ['an information of ours is not', '{"level":30,"msg":"listening"}', 'json', null],
  ['a line of ours that is no JSON is not', 'at Object.<anonymous>', 'json', null],
  ['half a line of JSON is not', '{"level":50', 'json', null],
  ['JSON without a level is not', '{"msg":"x"}', 'json', null],
  [
    "Envoy's errors are shown",
    '[2026-07-28 10:00:00.000][12][error][config] [source/a.cc:1] bad',
    'envoy',
    'error: bad',
  ],
  ["Envoy's critical lines are shown", '[2026-07-28 10:00:00.000][12][critical][main] bad', 'envoy', 'critical: bad'],
  ["Envoy's warnings are not", '[2026-07-28 10:00:00.000][12][warning][main] [source/a.cc:1] bad', 'envoy', null],
  ['what a foreign server writes is not', '{"level":60,"msg":"x"}', 'plain', null],
  ['control characters do not reach the terminal', '{"level":50,"msg":"a\\u001b[2Jb"}', 'json', 'error: a [2Jb'],
])('%s', (_name, line, form, wanted) => {
  expect(lineToShow(line, form)).toBe(wanted);
});

function open(form: LogForm = 'json') {
  const shown: string[] = [];
  const path = join(dir, 'part.log');
  let now = 1_000;
  const log = openPartLog({ path, form, echo: (line) => shown.push(line), nowMs: () => now });
  const wait = (ms: number): void => {
    now += ms;
  };
  return { log, path, shown, wait };
}

test('lines that come in pieces are written whole, and the last one at the end', () => {
  const { log, path } = open('plain');
  log.write(Buffer.from('one\ntw'));
  log.write(Buffer.from('o\nthree'));
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  expect(log.lastLines()).toEqual(['one', 'two']);
  log.close();
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\n');
  expect(statSync(path).mode & 0o077).toBe(0);
});

test('a line without end does not grow without bound', () => {
  const { log, path } = open('plain');
  log.write(Buffer.alloc(LIMITS.partLogLineBytesMax + 1, 'x'));
  expect(statSync(path).size).toBe(LIMITS.partLogLineBytesMax + 2);
  log.close();
});

test('a part that complains all the time is shown a few times per window', () => {
  const { log, path, shown, wait } = open();
  const complain = (what: number): void => log.write(Buffer.from(`{"level":50,"msg":"x${what}"}\n`));
  for (let count = 0; count < 50; count += 1) complain(count);
  expect(shown).toHaveLength(LIMITS.partEchoLinesMax + 1);
  expect(shown.at(-1)).toBe(`more in ${path}`);
  wait(LIMITS.partEchoWindowMs + 1);
  complain(50);
  expect(shown.at(-1)).toBe('error: x50');
  log.close();
});

test('the same complaint is shown again only after a while, and is in the log each time', () => {
  const { log, path, shown, wait } = open();
  const line = '{"level":40,"server":"a","msg":"x"}\n';
  log.write(Buffer.from(line));
  wait(LIMITS.partEchoRepeatMs - 1);
  log.write(Buffer.from(`${line}{"level":40,"server":"b","msg":"x"}\n`));
  expect(shown).toEqual(['warning: x (a)', 'warning: x (b)']);
  wait(1);
  log.write(Buffer.from(line));
  expect(shown).toHaveLength(3);
  expect(readFileSync(path, 'utf8').match(/"server":"a"/g)).toHaveLength(3);
  log.close();
});

test('a log that is full is kept once beside the new one', () => {
  const { log, path } = open('plain');
  const block = Buffer.concat([Buffer.alloc(1024 * 1024 - 1, 'x'), Buffer.from('\n')]);
  for (let bytes = 0; bytes <= LIMITS.partLogBytesMax; bytes += block.length) log.write(block);
  expect(existsSync(`${path}.1`)).toBe(false);
  log.write(Buffer.from('new\n'));
  log.close();
  expect(readFileSync(path, 'utf8')).toBe('new\n');
  expect(statSync(`${path}.1`).size).toBeGreaterThan(LIMITS.partLogBytesMax);
});
