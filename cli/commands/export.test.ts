import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Instance, openInstance, SERVER, SURFACE } from '../testdata/instance.ts';
import { playApi } from '../testdata/played-api.ts';
import * as apply from './apply.ts';
import * as exportAll from './export.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
  const description = ['description: "a --- in it"', 'instructions: |', '  first', '', '  --- last'];
  instance.write(
    'all.yaml',
    ...SERVER,
    '---',
    ...SURFACE,
    ...description,
    '---',
    'kind: Secret',
    'name: t',
    'value: hunter2',
  );
  const { err } = await instance.call(apply.run, ['-f', 'all.yaml']);
  expect(err).toBe('');
});
afterEach(() => instance.close());

const dryRun = (...args: string[]) => instance.call(apply.run, [...args, '--prune', '--dry-run']);
const read = (name: string): string => readFileSync(join(instance.folder, name), 'utf8');

test('prints all documents without what is secret, the same bytes each time, and applying them changes nothing', async () => {
  const { status, out, err } = await instance.call(exportAll.run, []);
  expect([status, err]).toEqual([0, '']);
  expect(out).toMatch(/^kind: Secret\nname: t$/m);
  expect(out).not.toContain('hunter2');
  expect((await instance.call(exportAll.run, [])).out).toBe(out);
  instance.write('export.yaml', out);
  expect(await dryRun('-f', 'export.yaml')).toEqual({ status: 0, out: 'nothing would change\n', err: '' });
});

test('into a folder writes one file for each document, and applying the folder changes nothing', async () => {
  const { status, out, err } = await instance.call(exportAll.run, ['-o', 'x/y']);
  expect([status, out, err]).toEqual([0, '', '3 documents in x/y\n']);
  expect(readdirSync(join(instance.folder, 'x/y')).sort()).toEqual(['secret', 'server', 'surface']);
  expect(readdirSync(join(instance.folder, 'x/y/surface'))).toEqual(['s.yaml']);
  expect(await dryRun('-f', 'x/y')).toMatchObject({ status: 0, out: 'nothing would change\n' });
  const whole = (await instance.call(exportAll.run, [])).out;
  const pieces = ['secret/t', 'server/a', 'surface/s'].map((name) => `---\n${read(`x/y/${name}.yaml`)}`);
  expect(pieces.join('')).toBe(whole);
});

test('into a folder of an earlier export replaces what is there, and names what is of no document any more', async () => {
  mkdirSync(join(instance.folder, 'x/server'), { recursive: true });
  writeFileSync(join(instance.folder, 'precious'), 'mine');
  symlinkSync(join(instance.folder, 'precious'), join(instance.folder, 'x/server/a.yaml'));
  instance.write('x/server/old.yaml', ...SERVER);
  const { status, err } = await instance.call(exportAll.run, ['-o', 'x']);
  expect([status, err]).toEqual([
    0,
    'export: x/server/old.yaml is of no document any more; remove it\n3 documents in x\n',
  ]);
  expect(read('precious')).toBe('mine');
  expect(read('x/server/a.yaml')).toContain('name: a');
});

test.each([
  ['a name that leaves the folder', 'kind: Server\nname: ../../x\nversions: []\n'],
  ['a kind that is none', 'kind: ../x\nname: a\n'],
  ['two documents without a line between', '{"kind":"Runtime"}\n--- {}\n'],
])('%s is not written', async (_, text) => {
  const api = await playApi(instance.folder, () => ({ headers: { 'content-type': 'application/yaml' }, body: text }));
  const { status, err } = await api.call(exportAll.run, ['-o', 'out']);
  await api.close();
  expect([status, err]).toEqual([1, expect.stringContaining('its export has another shape')]);
  expect(existsSync(join(instance.folder, 'out'))).toBe(false);
});

test('of what is no YAML, and into what is no folder, says so', async () => {
  const api = await playApi(tmpdir(), () => ({ body: {} }));
  expect((await api.call(exportAll.run, [])).err).toContain("is not Chancery's REST API");
  await api.close();
  instance.write('file', 'x');
  const { status, err } = await instance.call(exportAll.run, ['-o', 'file']);
  expect([status, err]).toEqual([1, expect.stringContaining('export: file: cannot be written: ')]);
});
