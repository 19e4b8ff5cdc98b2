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

/** Runs `.ci/run` with an npm that writes `report` and ends with `status`. */
function ci(report: unknown, status: number): Promise<{ status: number; last: string | undefined }> {
  writeFileSync(join(dir, 'report.json'), report === undefined ? '' : JSON.stringify(report));
  const npm = `#!/bin/sh\nfor word; do case $word in --outputFile.json=*) cat "${dir}/report.json" > "\${word#*=}";; esac; done\nexit ${status}\n`;
  writeFileSync(join(dir, 'bin', 'npm'), npm);
  chmodSync(join(dir, 'bin', 'npm'), 0o755);
  return new Promise((resolve) => {
    const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` };
    execFile(join(dir, '.ci', 'run'), { env }, (error, out) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, last: out.trimEnd().split('\n').at(-1) });
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

test.each([
  ['all tests pass', counts, 0, '5 passed, 0 failed, 0 skipped', 0],
  ['tests are skipped', { ...counts, numPendingTests: 2, numTodoTests: 1 }, 0, '5 passed, 0 failed, 3 skipped', 0],
  ['a test fails', { ...counts, numFailedTests: 1, testResults: [failedFile] }, 1, '5 passed, 1 failed, 0 skipped', 1],
  ['a file cannot be loaded', { ...counts, testResults: [brokenFile] }, 1, '5 passed, 1 failed, 0 skipped', 1],
  ['an error is outside every test', counts, 1, '5 passed, 1 failed, 0 skipped', 1],
  ['there is no report, as setup failed', undefined, 1, '0 passed, 1 failed, 0 skipped', 1],
  ['there is no test at all', { ...counts, numPassedTests: 0 }, 0, '0 passed, 1 failed, 0 skipped', 1],
])('the last line and the exit status tell when %s', async (_name, report, npmStatus, line, status) => {
  expect(await ci(report, npmStatus)).toEqual({ status, last: line });
});
