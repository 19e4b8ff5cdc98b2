import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { readBearer } from './bearer.ts';

test.each([
  ['the usual spelling', 'Bearer abc.def-_~+/==', 'abc.def-_~+/=='],
  ['the scheme in lower case', 'bearer abc', 'abc'],
  ['the scheme in upper case', 'BEARER abc', 'abc'],
  ['several spaces (1*SP)', 'Bearer   abc', 'abc'],
])('%s is read', (_name, header, token) => {
  expect(readBearer(header)).toEqual({ ok: true, token });
});

test.each<[string, string | undefined, string]>([
  ['no header', undefined, 'missing'],
  ['an empty header', '', 'missing'],
  ['the scheme alone', 'Bearer', 'malformed'],
  ['the scheme and a space', 'Bearer ', 'malformed'],
  ['a token without scheme', 'abc.def.ghi', 'malformed'],
  ['another scheme', 'Basic YTpi', 'malformed'],
  ['a scheme that only begins alike', 'BearerX abc', 'malformed'],
  ['a tab between', 'Bearer\tabc', 'malformed'],
  ['two tokens', 'Bearer abc def', 'malformed'],
  ['two headers joined by a comma', 'Bearer abc, Bearer def', 'malformed'],
  ['two headers joined without a space', 'Bearer abc,Bearer def', 'malformed'],
  ['a space in front', ' Bearer abc', 'malformed'],
  ['a space behind', 'Bearer abc ', 'malformed'],
  ['a line feed behind', 'Bearer abc\n', 'malformed'],
  ['a letter that is not ASCII', 'Bearer äbc', 'malformed'],
  ['a header over the limit', `Bearer ${'a'.repeat(LIMITS.bearerBytesMax)}`, 'too_large'],
])('%s is refused', (_name, header, reason) => {
  expect(readBearer(header)).toEqual({ ok: false, reason });
});
