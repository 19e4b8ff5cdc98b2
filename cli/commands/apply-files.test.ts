import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Instance, openInstance, SERVER, SURFACE } from '../testdata/instance.ts';
import * as apply from './apply.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

describe('apply reads a folder', () => {
  test('to its bottom, in order, without what begins with a dot', async () => {
    mkdirSync(join(instance.folder, 'd/inner'), { recursive: true });
    mkdirSync(join(instance.folder, 'd/.git'));
    instance.write('d/b.yaml', ...SURFACE);
    instance.write('d/inner/a.yml', ...SERVER);
    instance.write('d/.git/x.yaml', 'kind: nothing');
    instance.write('d/.x.yaml', 'kind: nothing');
    expect((await instance.call(apply.run, ['-f', 'd'])).out).toBe('surface/s created\nserver/a created\n');
  });

  test('names the file of each problem below it', async () => {
    mkdirSync(join(instance.folder, 'd/inner'), { recursive: true });
    instance.write('d/a.yaml', ...SERVER);
    instance.write('d/inner/b.yaml', '# head', ...SURFACE, 'colour: red');
    const { status, err } = await instance.call(apply.run, ['-f', 'd']);
    expect([status, err]).toEqual([1, 'd/inner/b.yaml:6: colour: unknown member "colour"\nnothing was applied\n']);
  });

  test('follows links within it, also in a circle', async () => {
    mkdirSync(join(instance.folder, 'd/real'), { recursive: true });
    instance.write('d/real/a.yaml', ...SERVER);
    symlinkSync('..', join(instance.folder, 'd/real/up'));
    symlinkSync('real', join(instance.folder, 'd/z-again'));
    expect((await instance.call(apply.run, ['-f', 'd'])).out).toBe('server/a created\n');
  });

  test.each([
    ['a file', 'a.yaml', 'd/out.yaml'],
    ['a folder', 'other', 'd/out'],
    ['what is not there', 'gone.yaml', 'd/out.yaml'],
  ])('refuses a link out of it to %s, as --prune would delete what is left out', async (_, target, link) => {
    mkdirSync(join(instance.folder, 'd'));
    mkdirSync(join(instance.folder, 'other'));
    instance.write('a.yaml', ...SERVER);
    instance.write('d/b.yaml', ...SERVER);
    symlinkSync(join(instance.folder, target), join(instance.folder, link));
    const { status, err } = await instance.call(apply.run, ['-f', 'd']);
    expect([status, err]).toEqual([1, `apply: ${link}: is a link to what is not in the folder\n`]);
  });

  test('refuses what is too large for one request, in one file or in all', async () => {
    mkdirSync(join(instance.folder, 'd'));
    instance.write('d/a.yaml', '#'.repeat(6 * 1024 * 1024));
    expect((await instance.call(apply.run, ['-f', 'd/a.yaml', '-f', 'd/a.yaml'])).err).toBe(
      'apply: d/a.yaml: with it, all files are larger than 10485760 bytes\n',
    );
    instance.write('d/a.yaml', '#'.repeat(11 * 1024 * 1024));
    expect((await instance.call(apply.run, ['-f', 'd'])).err).toBe('apply: d/a.yaml: is larger than 10485760 bytes\n');
  });

  test('of the standard input takes it once', async () => {
    const { status, err } = await instance.call(apply.run, ['-f', '-', '-f', '-']);
    expect([status, err]).toEqual([1, expect.stringContaining('the standard input can be read once')]);
  });
});
