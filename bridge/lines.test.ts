import { describe, expect, test } from 'vitest';
import { LineSplitter, type OverlongLine } from './lines.ts';

function split(
  chunks: readonly string[],
  bytesMax: number,
  overlong: OverlongLine,
): { lines: string[]; tooLong: boolean } {
  const splitter = new LineSplitter(bytesMax, overlong);
  const lines: string[] = [];
  let tooLong = false;
  for (const chunk of chunks) {
    const result = splitter.push(Buffer.from(chunk));
    lines.push(...result.lines.map(String));
    tooLong = result.tooLong;
  }
  lines.push(...splitter.end().map(String));
  return { lines, tooLong };
}

const CASES: readonly [
  sentence: string,
  chunks: string[],
  bytesMax: number,
  overlong: OverlongLine,
  lines: string[],
  tooLong: boolean,
][] = [
  ['a line in one chunk is given', ['{"a":1}\n'], 100, 'fail', ['{"a":1}'], false],
  ['a line over many chunks is given whole', ['{"a"', ':', '1}', '\n'], 100, 'fail', ['{"a":1}'], false],
  ['many lines in one chunk are given in order', ['a\nb\nc\n'], 100, 'fail', ['a', 'b', 'c'], false],
  ['the CR of a CRLF is no part of the line', ['a\r\nb\r', '\n'], 100, 'fail', ['a', 'b'], false],
  ['a CR inside a line stays', ['a\rb\n'], 100, 'fail', ['a\rb'], false],
  ['blank lines are left out', ['\n\r\na\n\n'], 100, 'fail', ['a'], false],
  ['no input has no lines', [], 100, 'fail', [], false],
  ['an unfinished last line counts at the end', ['a\nb'], 100, 'fail', ['a', 'b'], false],
  ['a line of exactly the bound is given', ['12345\n'], 5, 'fail', ['12345'], false],
  ['a line of one byte more fails, and what follows is not given', ['a\n123456\nb\n', 'c\n'], 5, 'fail', ['a'], true],
  ['a line that grows beyond the bound without an end fails', ['123', '456'], 5, 'fail', [], true],
  ['with cut, the beginning is given and the rest skipped', ['1234567', '89\nb\n'], 5, 'cut', ['12345', 'b'], false],
  ['with cut, a line of exactly the bound is whole', ['12345\n6\n'], 5, 'cut', ['12345', '6'], false],
  [
    'a character cut between chunks is whole again',
    ['{"a":"\u00e4', '\u20ac"}\n'],
    100,
    'fail',
    ['{"a":"\u00e4\u20ac"}'],
    false,
  ],
];

describe('LineSplitter', () => {
  test.each(CASES)('%s', (_sentence, chunks, bytesMax, overlong, lines, tooLong) => {
    expect(split(chunks, bytesMax, overlong)).toEqual({ lines, tooLong });
  });

  test('every cut of the same bytes gives the same lines', () => {
    const bytes = Buffer.from('{"a":"ä€😀"}\r\n\n{"b":2}\n');
    for (let cut = 0; cut <= bytes.length; cut++) {
      const splitter = new LineSplitter(100, 'fail');
      const lines = [...splitter.push(bytes.subarray(0, cut)).lines, ...splitter.push(bytes.subarray(cut)).lines];
      expect(lines.map(String)).toEqual(['{"a":"ä€😀"}', '{"b":2}']);
    }
  });
});
