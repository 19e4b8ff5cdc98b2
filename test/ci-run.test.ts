import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ci-'));
  mkdirSync(join(dir, '.ci'));
  mkdirSync(join(dir, 'bin'));
  cpSync(join(import.meta.dirname, '..', '.ci', 'run'), join(dir, '.ci', 'run'));
  symlinkSync(process.execPath, join(dir, 'bin', 'node'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** What a run of npm leaves: its report, as text where it is no JSON, and its exit status. */
interface Left {
  readonly report: unknown;
  readonly status: number;
}

/** Runs `.ci/run` with an npm that leaves `tests` behind its tests, and `conformance` behind the comparison. */
function ci(tests: Left, conformance: Left): Promise<{ status: number; lines: string[] }> {
  for (const [name, { report }] of Object.entries({ test: tests, run: conformance }))
    writeFileSync(join(dir, `${name}.json`), typeof report === 'string' ? report : JSON.stringify(report));
  const npm = `#!/bin/sh
for word; do case $word in --outputFile.json=*) cat "${dir}/test.json" > "\${word#*=}";; esac; last="$word"; done
case $1 in
  test) exit ${tests.status};;
  run) [ "$2 $3 $4" = "conformance -- --report" ] && cat "${dir}/run.json" > "$last"; exit ${conformance.status};;
esac
`;
  writeFileSync(join(dir, 'bin', 'npm'), npm);
  chmodSync(join(dir, 'bin', 'npm'), 0o755);
  return new Promise((resolve) => {
    const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` };
    execFile(join(dir, '.ci', 'run'), { env }, (error, out) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, lines: out.trimEnd().split('\n') });
    });
  });
}

const counts = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [] as unknown[],
};
const brokenFile = { status: 'failed', assertionResults: [] };
const failedFile = { status: 'failed', assertionResults: [{ status: 'failed' }] };
const good: Left = { report: counts, status: 0 };
const agrees: Left = { report: { passed: 20, failed: 0 }, status: 0 };

test.each<[string, Left, Left, string, number]>([
  ['all is well', good, agrees, '25 passed, 0 failed, 0 skipped', 0],
  [
    'tests are skipped',
    { report: { ...counts, numPendingTests: 2, numTodoTests: 1 }, status: 0 },
    agrees,
    '25 passed, 0 failed, 3 skipped',
    0,
  ],
  [
    'a test fails',
    { report: { ...counts, numFailedTests: 1, testResults: [failedFile] }, status: 1 },
    agrees,
    '25 passed, 1 failed, 0 skipped',
    1,
  ],
  [
    'a file cannot be loaded',
    { report: { ...counts, testResults: [brokenFile] }, status: 1 },
    agrees,
    '25 passed, 1 failed, 0 skipped',
    1,
  ],
  ['an error is outside every test', { ...good, status: 1 }, agrees, '25 passed, 1 failed, 0 skipped', 1],
  [
    'there is no test at all',
    { report: { ...counts, numPassedTests: 0 }, status: 0 },
    agrees,
    '20 passed, 1 failed, 0 skipped',
    1,
  ],
  [
    'a check is worse through the gateway',
    good,
    { report: { passed: 19, failed: 2 }, status: 1 },
    '24 passed, 2 failed, 0 skipped',
    1,
  ],
  ['nothing was compared', good, { report: { passed: 0, failed: 0 }, status: 0 }, '5 passed, 1 failed, 0 skipped', 1],
  ['the comparison breaks off', good, { ...agrees, status: 1 }, '25 passed, 1 failed, 0 skipped', 1],
  [
    'there is no report, as setup failed',
    { report: '', status: 1 },
    { report: '', status: 1 },
    '0 passed, 2 failed, 0 skipped',
    1,
  ],
])('the last line and the exit status tell when %s', async (_name, tests, conformance, line, status) => {
  const found = await ci(tests, conformance);
  expect({ status: found.status, last: found.lines.at(-1) }).toEqual({ status, last: line });
});

test('a report that cannot be read is named, with the reason', async () => {
  const { lines } = await ci({ report: '{"numPassed', status: 1 }, { report: '', status: 1 });
  expect(lines.filter((line) => line.startsWith('the report'))).toEqual([
    expect.stringMatching(/^the report of the tests could not be read: .*JSON/),
    expect.stringMatching(/^the report of the conformance comparison could not be read: .*JSON/),
  ]);
});
