import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { StartError } from '../core/runtime/process.ts';
import { CA, PRIVATE_KEY } from '../test/support/pems.ts';
import { authoritiesFile } from './authorities.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-authorities-'));
afterAll(() => rmSync(folder, { recursive: true }));
const written = (text: string): string => {
  const path = join(folder, 'ca.pem');
  writeFileSync(path, text);
  return path;
};

test('a file of authorities is taken as it is', () => {
  expect(authoritiesFile(written(`# ours\n${CA}${CA}`))).toBe(join(folder, 'ca.pem'));
});

test.each([
  [
    'that is not there',
    () => join(folder, 'none.pem'),
    /^the authorities of CHANCERY_CA_FILE cannot be read from .*: ENOENT$/,
  ],
  ['of something else', () => written('rubbish'), /is no PEM file: wanted the authorities of CHANCERY_CA_FILE$/],
  ['with a key', () => written(PRIVATE_KEY), /is no file of the authorities of CHANCERY_CA_FILE: wanted a PEM/],
  ['that was cut off', () => written(`${CA}${CA.slice(0, 99)}`), /certificate 2 of 2 cannot be read/],
])(
  'a file %s is refused at the start: Envoy would refuse every https server, and secrets beside them',
  (_, path, wanted) => {
    const file = path();
    expect(() => authoritiesFile(file)).toThrow(StartError);
    expect(() => authoritiesFile(file)).toThrow(wanted);
  },
);

test('without one it is the system that says', () => {
  expect(authoritiesFile('')).toMatch(/^$|^\/etc\//);
});
