import { describe, expect, test } from 'vitest';
import { gathering } from './body.ts';

const gathered = (...chunks: string[]) => {
  const body = gathering();
  for (const chunk of chunks) body.push(Buffer.from(chunk));
  return body;
};

describe('a body', () => {
  test.each<[string, string[]]>([
    ['of nothing', []],
    ['of empty chunks', ['', '']],
    ['in one chunk', ['abc']],
    ['in two', ['abc', 'de']],
    ['with empty chunks between', ['', 'a', '', 'b', '']],
    ['that grows', ['a', 'bcd', 'e'.repeat(100), 'f', 'g'.repeat(1000)]],
  ])('%s is whole', (_, chunks) => {
    const body = gathered(...chunks);
    expect(body.whole().toString()).toBe(chunks.join(''));
    expect(body.bytes).toBe(chunks.join('').length);
  });

  test('in one chunk is not copied', () => {
    const chunk = Buffer.from('abc');
    const body = gathering();
    body.push(chunk);
    body.push(Buffer.alloc(0));
    expect(body.whole()).toBe(chunk);
  });

  test('in many holds none of them', () => {
    const body = gathering();
    const chunks = Array.from({ length: 100_000 }, (_, i) => Buffer.from([i & 0xff]));
    for (const chunk of chunks) body.push(chunk);
    expect(body.whole().buffer.byteLength).toBeLessThan(3 * chunks.length);
    expect(body.whole().equals(Buffer.concat(chunks))).toBe(true);
  });
});
