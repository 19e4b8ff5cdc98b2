import { describe, expect, test } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue } from './header-value.ts';

const encoded = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;

describe('a value', () => {
  test.each<[string, string, string]>([
    ['a name', 'read_graph', 'read_graph'],
    ['a URI', 'file:///a b?c=d', 'file:///a b?c=d'],
    ['nothing', '', ''],
    ['an umlaut', 'ä', encoded('ä')],
    ['a space at the edge', ' a', encoded(' a')],
    ['a line break', 'a\nb', encoded('a\nb')],
    ['what looks encoded', '=?base64?YQ==?=', encoded('=?base64?YQ==?=')],
    ['what begins as if it were', '=?base64?a', '=?base64?a'],
  ])('%s is written so that it can be read again', (_, text, written) => {
    expect(encodeHeaderValue(text)).toBe(written);
    expect(decodeHeaderValue(written)).toBe(text);
  });

  test.each<[string, string, string | null]>([
    ['with space around it', ' \ta\t ', 'a'],
    ['in another case', '=?BASE64?YQ==?=', '=?BASE64?YQ==?='],
    ['no Base64', '=?base64?*?=', null],
    ['without padding', '=?base64?YQ?=', null],
    ['with bits left over', '=?base64?YR==?=', null],
    ['of bytes that are no UTF-8', '=?base64?/w==?=', null],
    ['of the URL alphabet', '=?base64?__8=?=', null],
    ['too short for both ends', '=?base64?=', null],
  ])('%s is read as it is', (_, value, text) => {
    expect(decodeHeaderValue(value)).toBe(text);
  });
});
