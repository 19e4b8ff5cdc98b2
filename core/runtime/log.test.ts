import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// The log goes to standard error itself, so it is read from a process.
function logged(script: string): Record<string, unknown>[] {
  const file = join(import.meta.dirname, 'log.ts');
  const source = `import { createLogger } from ${JSON.stringify(file)};\nconst log = createLogger('test', 'info');\n${script}`;
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', source], {
    encoding: 'utf8',
    env: {},
  });
  expect(stdout).toBe('');
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('a line says when, which part, what', () => {
  const [line, ...others] = logged("log.info({ server: 'a' }, 'hello'); log.debug('not this');");
  expect(line).toMatchObject({ level: 30, part: 'test', server: 'a', msg: 'hello' });
  expect(String(line?.time)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(others).toEqual([]);
});

test('members that may carry secrets are cut, at the top and one below', () => {
  const secrets = ['token', 'key', 'secret', 'env', 'authorization'];
  const objects = secrets.map(
    (member) => `{ ${member}: 'S3CRET', outer: { ${member === 'authorization' ? 'token' : member}: 'S3CRET' } }`,
  );
  const lines = logged(
    `${objects.map((object) => `log.info(${object}, 'x');`).join('\n')}\nlog.info({ headers: { authorization: 'S3CRET', cookie: 'S3CRET' } }, 'x');`,
  );
  expect(lines).toHaveLength(secrets.length + 1);
  expect(JSON.stringify(lines)).not.toContain('S3CRET');
  expect(lines[0]).toMatchObject({ token: '(cut)' });
});

test('one event is one line, whatever is in it', () => {
  const [line, ...others] = logged("log.warn({ server: 'a\\n{\"level\":60}' }, 'b\\nc');");
  expect(line).toMatchObject({ server: 'a\n{"level":60}', msg: 'b\nc' });
  expect(others).toEqual([]);
});

test('an error has its stack, in its place', () => {
  const [line] = logged("log.error({ err: new Error('broken') }, 'x');");
  expect(line).toMatchObject({ level: 50, err: { type: 'Error', message: 'broken' } });
});
