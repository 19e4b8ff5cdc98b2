import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { readPemFile } from './pem-file.ts';
import { StartError } from './process.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-pem-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';

test('a PEM file is read as it is', () => {
  expect(readPemFile(file('good.pem', PEM), 'the certificate').toString()).toBe(PEM);
});

test.each<[string, () => string, RegExp]>([
  [
    'one that is not there',
    () => join(folder, 'none.pem'),
    /^the certificate cannot be read from .*none\.pem: ENOENT$/,
  ],
  ['a folder', () => folder, /^the certificate cannot be read from .*: EISDIR$/],
  ['something else', () => file('other', 'secret text'), /^.*other is no PEM file: wanted the certificate$/],
  ['an empty one', () => file('empty', ''), /is no PEM file/],
  ['one that is too large', () => file('large', PEM + ' '.repeat(LIMITS.pemFileBytesMax)), /is no PEM file/],
])('%s is a start that cannot succeed, in one sentence without its content', (_name, path, message) => {
  const read = (): unknown => readPemFile(path(), 'the certificate');
  expect(read).toThrow(StartError);
  expect(read).toThrow(message);
});
