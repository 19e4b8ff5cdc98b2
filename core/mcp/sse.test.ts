import { describe, expect, test } from 'vitest';
import { SseParser } from './sse.ts';

const CHARS_MAX = 1000;
const parse = (...chunks: string[]) => {
  const parser = new SseParser(CHARS_MAX);
  return chunks.flatMap((chunk) => parser.push(chunk));
};
const message = (data: string, id: string | null = null) => ({ id, event: 'message', data });

describe('an event', () => {
  test.each<[string, string, object[]]>([
    ['ends at an empty line', 'data: a\n\n', [message('a')]],
    ['does not end before', 'data: a\n', []],
    ['of a stream that ends with CRLF', 'data: a\r\n\r\n', [message('a')]],
    ['of a stream that ends with CR is there at once', 'data: a\r\r', [message('a')]],
    ['with mixed line ends', 'data: a\r\ndata: b\rdata: c\n\r\n', [message('a\nb\nc')]],
    ['has its data on several lines', 'data: a\ndata:\ndata: b\n\n', [message('a\n\nb')]],
    ['loses one space after the colon, not two', 'data:  a\n\n', [message(' a')]],
    ['needs no space after the colon', 'data:a\n\n', [message('a')]],
    ['keeps colons in its data', 'data: a:b: c\n\n', [message('a:b: c')]],
    ['has a name', 'event: ping\ndata: a\n\n', [{ id: null, event: 'ping', data: 'a' }]],
    [
      'forgets the name of the one before',
      'event: ping\ndata: a\n\ndata: b\n\n',
      [{ id: null, event: 'ping', data: 'a' }, message('b')],
    ],
    ['keeps the id of the one before', 'id: 1\ndata: a\n\ndata: b\n\n', [message('a', '1'), message('b', '1')]],
    ['may take its id back', 'id: 1\ndata: a\n\nid\ndata: b\n\n', [message('a', '1'), message('b', '')]],
    ['takes no id with a NUL', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n', [message('a', '1'), message('b', '1')]],
    ['without data is none, and its name is forgotten', 'event: x\n\ndata: a\n\n', [message('a')]],
    ['with an empty line of data is one', 'id: 1\ndata:\n\n', [message('', '1')]],
    ['with the field name alone is one', 'data\n\n', [message('')]],
    ['is not made by comments', ': keep-alive\n\n: again\n\n', []],
    ['has comments within', 'data: a\n: no\ndata: b\n\n', [message('a\nb')]],
    ['has fields that nobody knows', 'foo: bar\ndata: a\n\n', [message('a')]],
    ['says when to come back', 'retry: 5\ndata: a\n\ndata: b\n\n', [{ ...message('a'), retry: 5 }, message('b')]],
    ['says it in digits only', 'retry: 5s\ndata: a\n\nretry: -1\ndata: b\n\n', [message('a'), message('b')]],
    ['has a field name with a space before it that nobody knows', ' data: a\n\n', []],
    ['comes after a byte order mark', '\ufeffdata: a\n\n', [message('a')]],
    ['comes after one byte order mark, not two', '\ufeff\ufeffdata: a\n\n', []],
    ['ends no line at U+2028', 'data: a\u2028b\n\n', [message('a\u2028b')]],
  ])('%s', (_, text, events) => {
    expect(parse(text)).toEqual(events);
  });

  test('is the same in whatever pieces it comes', () => {
    const text = '\ufeffid: 1\r\nevent: x\r\ndata: a\r\ndata: 😀\r\n\r\n: c\rdata: b\r\rdata: c\n\n\r\ndata: d\r\n\r\n';
    const whole = parse(text);
    expect(whole.map(({ data }) => data)).toEqual(['a\n😀', 'b', 'c', 'd']);
    for (let a = 0; a <= text.length; a++) {
      expect(parse(text.slice(0, a), text.slice(a)), `cut at ${a}`).toEqual(whole);
      expect(parse(text.slice(0, a), '', text.slice(a, a + 1), text.slice(a + 1)), `cut around ${a}`).toEqual(whole);
    }
    expect(parse(...text)).toEqual(whole);
  });
});

describe('an event has a bound', () => {
  test.each([
    ['one long line that does not end', ['data: ', 'a'.repeat(CHARS_MAX)]],
    ['one long line that ends', [`data: ${'a'.repeat(CHARS_MAX)}\n`]],
    ['many lines', Array.from({ length: CHARS_MAX / 10 }, () => 'data: 0123456789\n')],
    ['many empty lines of data', Array.from({ length: CHARS_MAX + 1 }, () => 'data\n')],
    ['a comment that does not end', [':', ' '.repeat(CHARS_MAX)]],
  ])('%s', (_, chunks) => {
    const parser = new SseParser(CHARS_MAX);
    expect(chunks.flatMap((chunk) => parser.push(chunk))).toEqual([]);
    expect(parser.tooLarge).toBe(true);
    expect(parser.push('\n\ndata: a\n\n')).toEqual([]);
  });

  test('and the one before it is given, wherever the stream is cut', () => {
    const text = `data: a\n\nid: 7\ndata: ${'b'.repeat(CHARS_MAX)}\n\ndata: c\n\n`;
    for (const size of [1, 7, 500, CHARS_MAX, text.length]) {
      const parser = new SseParser(CHARS_MAX);
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
      expect([events, parser.tooLarge], `in pieces of ${size}`).toEqual([[message('a')], true]);
    }
  });

  test.each([
    ['as long as it may be', 0, false],
    ['longer by one', 1, true],
  ])('a line %s', (_, more, tooLarge) => {
    const parser = new SseParser(CHARS_MAX);
    const value = 'x'.repeat(CHARS_MAX - 'data:'.length + more);
    expect(parser.push(`data:${value}\n\n`)).toEqual(tooLarge ? [] : [message(value)]);
    expect(parser.tooLarge).toBe(tooLarge);
  });

  test('and not the stream', () => {
    const events = parse(...Array.from({ length: 500 }, (_, i) => `data: ${i}\n\n`));
    expect(events).toHaveLength(500);
  });
});

test('a long line in small pieces is read once, not once for each piece', () => {
  const bytes = 16 * 1024 * 1024;
  const parser = new SseParser(2 * bytes);
  const piece = 'a'.repeat(1024);
  parser.push('data: ');
  // Reading what was kept anew for each of 16,384 pieces would take minutes: the test's own deadline is the assertion.
  for (let sent = 0; sent < bytes; sent += piece.length) expect(parser.push(piece)).toEqual([]);
  expect(parser.push('\n\n')[0]?.data).toHaveLength(bytes);
});
