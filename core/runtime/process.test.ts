import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CONFIG_EXIT_STATUS, ROOT_DIR } from './process.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'service.ts');
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function run(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [FIXTURE, ...words], {
    env: { CHANCERY_CONFIG: '/dev/null', ...env },
    stdio: 'pipe',
  });
  children.push(child);
  let out = '';
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const started = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve();
    });
  });
  const ended = new Promise<{ status: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, out, err }));
  });
  return { child, started, ended };
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s closes a service in order', async (signal) => {
  const { child, started, ended } = run(['run'], { CHANCERY_PORT: '12345' });
  await started;
  child.kill(signal);
  const { status, out, err } = await ended;
  expect(status).toBe(0);
  expect(out).toBe(`started 12345 ${ROOT_DIR}\nclosed\n`);
  expect(err).toContain(`"reason":"${signal}"`);
});

test('the end of standard input closes a service whose lifeline it is', async () => {
  const { child, started, ended } = run(['run'], { CHANCERY_LIFELINE: 'stdin' });
  await started;
  child.stdin.end();
  expect(await ended).toMatchObject({ status: 0, err: expect.stringContaining('the supervisor is gone') });
});

test('the end of standard input is nothing to a service without lifeline', async () => {
  const { child, started, ended } = run(['run']);
  child.stdin.end();
  await started;
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ status: 0, err: expect.stringContaining('"reason":"SIGTERM"') });
});

test('a service that does not close in time ends all the same, with a failure', async () => {
  const { child, started, ended } = run(['run', 'hang']);
  await started;
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ status: 1, err: expect.stringContaining('did not close in time') });
});

test.each([
  ['a start that an operator must mend', ['refuse'], {}, CONFIG_EXIT_STATUS, 'the registry is not a database'],
  ['a setting that cannot be used', ['run'], { CHANCERY_PORT: 'x' }, CONFIG_EXIT_STATUS, 'CHANCERY_PORT: \\"x\\"'],
  ['a defect at the start', ['break'], {}, 1, 'a defect'],
  ['a defect later, in a promise that nobody awaits,', ['break-later'], {}, 1, 'a late defect'],
])('%s is one fatal line and an exit status that tells', async (_name, words, env, status, wanted) => {
  const ended = await run(words, env).ended;
  expect(ended.status).toBe(status);
  expect(
    ended.err
      .trim()
      .split('\n')
      .filter((line) => line.includes('"level":60')),
  ).toHaveLength(1);
  expect(ended.err).toContain(wanted);
});

test('a close that fails is a failure', async () => {
  const { child, started, ended } = run(['run', 'fail']);
  await started;
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ status: 1, err: expect.stringContaining('cannot close') });
});
