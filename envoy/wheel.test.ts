import { expect, test } from 'vitest';
import { zipOf } from '../test/support/zip.ts';
import { readZipEntry, sha256 } from './wheel.mjs';

const content = Buffer.from('#!/bin/sh\n'.repeat(50));

test.each([
  ['a deflated file is read', zipOf('a/b', content), 'a/b', content],
  ['a stored file is read', zipOf('a/b', content, false), 'a/b', content],
  ['an empty file is read', zipOf('a/b', Buffer.alloc(0)), 'a/b', Buffer.alloc(0)],
  ['a file that only begins with the name is none', zipOf('a/bc', content), 'a/b', null],
  ['what is no archive holds none', content, 'a/b', null],
  ['an archive that was cut holds none', zipOf('a/b', content).subarray(0, -10), 'a/b', null],
  ['nothing holds none', Buffer.alloc(0), 'a/b', null],
])('%s', (_name, zip, name, wanted) => {
  expect(readZipEntry(zip, name)).toEqual(wanted);
});

test('a hash is written in hex', () => {
  expect(sha256(Buffer.from(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});
