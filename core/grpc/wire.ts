// Decides how the few protobuf wire forms that the hot path needs are read and written (protobuf encoding: varint, LEN).

/** What the tenth byte counts: no varint is longer (a negative int32 takes ten). */
const VARINT_FACTOR_MAX = 2 ** 63;

/** Reads fields of one message in `bytes[start, end)`. A field is number and wire type; skip what you do not know. */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** The next tag, or 0 at the end of the message. */
  tag(): number {
    if (this.at >= this.end) return 0;
    const tag = this.varint();
    // Field numbers begin at 1.
    return tag < 8 ? this.#fail() : tag;
  }

  /** Up to 2^53; larger values lose precision, and no field that we read has one. */
  varint(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    do {
      if (factor > VARINT_FACTOR_MAX) this.#fail();
      byte = this.#byte();
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  /** A sub-message, string or bytes: its range; the reader stands behind it. */
  range(): WireReader {
    const length = this.varint();
    const start = this.at;
    this.#advance(length);
    return new WireReader(this.bytes, start, this.at);
  }

  /** The bytes, not copied. */
  span(): Buffer {
    const { at, end } = this.range();
    return this.bytes.subarray(at, end);
  }

  text(): string {
    const { at, end } = this.range();
    return this.bytes.toString('utf8', at, end);
  }

  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.range();
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        this.#fail();
    }
  }

  #byte(): number {
    if (this.at >= this.end) this.#fail();
    return this.bytes[this.at++]!;
  }

  #advance(length: number): void {
    if (length > this.end - this.at) this.#fail();
    this.at += length;
  }

  #fail(): never {
    throw new Error(`malformed protobuf message of ${this.bytes.length} bytes at ${this.at}`);
  }
}

/** A protobuf message under construction: parts that are joined once. Nested messages are written inside out. */
export class WireWriter {
  #parts: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get parts(): readonly Buffer[] {
    return this.#parts;
  }

  /** Bytes that are already encoded. */
  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  varintField(field: number, value: number): this {
    return this.raw(Buffer.concat([varint(field * 8), varint(value)]));
  }

  bytesField(field: number, value: Buffer): this {
    return this.raw(lengthPrefix(field, value.length)).raw(value);
  }

  textField(field: number, value: string): this {
    return this.bytesField(field, Buffer.from(value));
  }

  messageField(field: number, message: WireWriter): this {
    this.raw(lengthPrefix(field, message.length));
    for (const part of message.parts) this.raw(part);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }
}

function lengthPrefix(field: number, length: number): Buffer {
  if (field < 16 && length < 0x80) return Buffer.from([field * 8 + 2, length]);
  return Buffer.concat([varint(field * 8 + 2), varint(length)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
