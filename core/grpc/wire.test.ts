import { describe, expect, test } from 'vitest';
import { WireReader, WireWriter } from './wire.ts';

const read = <T>(bytes: readonly number[], step: (reader: WireReader) => T): T =>
  step(new WireReader(Buffer.from(bytes)));
/** Reads a whole message and what is nested in it, at each length-delimited field once. */
function walk(bytes: Buffer): number {
  const reader = new WireReader(bytes);
  let fields = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    reader.skip(tag);
    fields++;
  }
  return fields;
}

describe('a varint', () => {
  test.each([0, 1, 127, 128, 300, 16383, 16384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER])(
    '%i comes back as it went',
    (value) => {
      const writer = new WireWriter();
      writer.varint(1, value);
      const bytes = writer.finish();
      const reader = new WireReader(bytes);
      expect(reader.tag()).toBe(8);
      expect(reader.varint()).toBe(value);
      expect(reader.tag()).toBe(0);
    },
  );

  test('of ten bytes, as a negative number has, is skipped', () => {
    expect(walk(Buffer.from([8, ...Array.from({ length: 9 }, () => 0xff), 1]))).toBe(1);
  });

  test.each([
    ['does not end', [0x80]],
    ['is empty', []],
    ['has more than ten bytes', [...Array.from({ length: 11 }, () => 0x80), 1]],
    ['has a thousand bytes', [...Array.from({ length: 1100 }, () => 0x80), 1]],
  ])('that %s is malformed', (_, bytes) => {
    expect(() => read(bytes, (reader) => reader.varint())).toThrow('malformed protobuf message');
  });
});

describe('a malformed message', () => {
  test.each([
    ['a field number 0', [0x00]],
    ['a field number 0 with a length', [0x02, 0x00]],
    ['a group', [0x0b]],
    ['a wire type that does not exist', [0x0f]],
    ['a length beyond the end', [0x0a, 0x05, 1, 2]],
    ['a length that is no number any more', [0x0a, ...Array.from({ length: 9 }, () => 0xff), 0x7f]],
    ['a fixed64 cut short', [0x09, 1, 2, 3]],
    ['a fixed32 cut short', [0x0d, 1, 2, 3]],
    ['a varint cut short', [0x08, 0xff]],
    ['a tag without a value', [0x08]],
    ['a tag cut short', [0xff]],
  ])('%s', (_, bytes) => {
    expect(() => walk(Buffer.from(bytes))).toThrow(/^malformed protobuf message of \d+ bytes at \d+$/);
  });

  test('a nested message does not read from what comes behind it', () => {
    // {1: {1: <varint that goes on>}} followed by a byte that would end it.
    const reader = new WireReader(Buffer.from([0x0a, 0x02, 0x08, 0x80, 0x01]));
    reader.tag();
    const inner = reader.range();
    expect(inner.tag()).toBe(8);
    expect(() => inner.varint()).toThrow('malformed');
  });

  test('no length makes the reader stand still or go back', () => {
    for (let first = 0; first < 256; first++) {
      for (const rest of [
        [],
        [0],
        [1, 0],
        [0xff, 0xff, 0xff, 0xff, 0x0f],
        [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      ]) {
        const bytes = Buffer.from([first, ...rest]);
        try {
          expect(walk(bytes)).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect((error as Error).message).toContain('malformed');
        }
      }
    }
  });
});

describe('what is written', () => {
  test('is read again, nested and at length', () => {
    const long = 'ü'.repeat(100);
    const writer = new WireWriter();
    writer.bytes(2000, Buffer.from([1]));
    const nest = writer.mark();
    writer.varint(16, 300);
    writer.text(1, long);
    writer.nest(2, nest);
    const bytes = writer.finish();
    const reader = new WireReader(bytes);
    expect(reader.tag()).toBe(2 * 8 + 2);
    const nested = reader.range();
    expect(nested.tag()).toBe(8 + 2);
    expect(nested.text()).toBe(long);
    expect(nested.tag()).toBe(16 * 8);
    expect(nested.varint()).toBe(300);
    expect(nested.tag()).toBe(0);
    expect(reader.tag()).toBe(2000 * 8 + 2);
    expect(reader.span()).toEqual(Buffer.from([1]));
    expect(reader.tag()).toBe(0);
  });

  test('grows, and is empty again when it was read', () => {
    const writer = new WireWriter();
    for (const size of [1, 20_000, 3, 100_000]) {
      const nest = writer.mark();
      writer.text(2, 'ü'.repeat(size));
      writer.text(1, 'a');
      writer.nest(1, nest);
      const nested = new WireReader(writer.finish());
      nested.tag();
      const reader = nested.range();
      reader.tag();
      expect(reader.text()).toBe('a');
      reader.tag();
      expect(reader.text()).toBe('ü'.repeat(size));
      expect(reader.tag() + nested.tag()).toBe(0);
    }
  });

  test('skips every wire type', () => {
    expect(walk(Buffer.from([0x08, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, 0, 0x25, 1, 2, 3, 4]))).toBe(4);
  });
});
