import { describe, expect, test } from 'vitest';
import { FrameReader, frames } from './frames.ts';

const MAX = 1000;
const frame = (message: Buffer): Buffer => Buffer.concat(frames([[message]]));
function read(chunks: readonly Buffer[]): Buffer[] {
  const messages: Buffer[] = [];
  const reader = new FrameReader(MAX, (message) => messages.push(Buffer.from(message)));
  for (const chunk of chunks) reader.push(chunk);
  return messages;
}

describe('messages come whole', () => {
  const sent = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(MAX, 7), Buffer.from('last')];
  const bytes = Buffer.concat(sent.map(frame));

  test('in one piece', () => {
    expect(read([bytes])).toEqual(sent);
  });

  test('cut anywhere', () => {
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(sent);
  });

  test('byte by byte', () => {
    expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(sent);
  });

  test('a part of one is none', () => {
    expect(read([bytes.subarray(0, bytes.length - 1)])).toEqual(sent.slice(0, -1));
  });
});

describe('what is refused', () => {
  test('a message over the bound, before its bytes are there', () => {
    expect(() => read([Buffer.from([0, 0, 0, 3, 0xe9])])).toThrow('a message of 1001 bytes exceeds 1000');
  });

  test('a compressed message', () => {
    expect(() => read([Buffer.from([1, 0, 0, 0, 0])])).toThrow('a compressed message was found');
    expect(() => read([Buffer.from([1]), Buffer.from([0, 0, 0, 1])])).toThrow('a compressed message was found');
  });
});

describe('messages on the wire', () => {
  test('small ones are joined, large pieces are not copied', () => {
    const large = Buffer.alloc(64 * 1024, 1);
    const out = frames([[Buffer.from('a')], [Buffer.from('b'), large, Buffer.from('c')]]);
    expect(out).toHaveLength(3);
    expect(out[1]).toBe(large);
    expect(Buffer.concat(out).length).toBe(5 + 1 + 5 + 2 + large.length);
  });
});
