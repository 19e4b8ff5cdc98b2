import { describe, expect, test } from 'vitest';
import { Utf8Reader } from './utf8.ts';

const TEXT = 'data: aé€😀\r\n\ndata: z\n\n';

test('any cut of good bytes is the same text', () => {
  const bytes = Buffer.from(TEXT);
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const reader = new Utf8Reader();
      const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      const read = pieces.map((piece) => reader.read(piece));
      expect(read.every(({ ok }) => ok)).toBe(true);
      expect(read.map(({ text }) => text).join('')).toBe(TEXT);
    }
  }
});

describe('bytes that are none', () => {
  const bad = (text: string): Buffer => Buffer.from(text, 'latin1');
  test.each<[string, readonly Buffer[], string]>([
    ['after whole lines leave these', [bad('data: a\n\ndata: \xff\n\n')], 'data: a\n\n'],
    ['after lines that end with CR leave these', [bad('data: a\r\rdata: \xff')], 'data: a\r\r'],
    ['in the first line leave nothing', [bad('\xff\ndata: a\n\n')], ''],
    ['that go on wrongly leave what came before', [bad('data: a\n\n\xe2'), bad('\x82z\n')], ''],
    ['of a surrogate leave what came before', [bad('a\n\xed\xa0\x80\n')], 'a\n'],
    ['of a form that is too long leave what came before', [bad('a\n\xc0\xaf\n')], 'a\n'],
    ['that only go on leave what came before', [bad('a\n\x80\x80\x80\x80')], 'a\n'],
  ])('%s', (_, pieces, text) => {
    const reader = new Utf8Reader();
    const last = pieces.map((piece) => reader.read(piece)).at(-1);
    expect(last).toEqual({ text, ok: false });
  });

  test('at the end are not known to be wrong yet', () => {
    expect(new Utf8Reader().read(bad('a\n\xf0\x9f'))).toEqual({ text: 'a\n', ok: true });
  });
});
