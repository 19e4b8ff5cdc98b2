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

const SCRATCH_BYTES = 16 * 1024;

/**
 * Writes a message from its end to its beginning, so that a nested message's length is known when its tag is written:
 * one buffer, no pieces. Fields therefore come in reverse order; protobuf does not mind theirs.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #at = SCRATCH_BYTES;

  /** Forgets what an encoder that failed midway left. */
  reset(): void {
    this.#at = this.#bytes.length;
  }

  /** Where the next nested message will end. */
  mark(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes that are already encoded. */
  raw(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    bytes.copy(this.#bytes, this.#at);
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#at -= length;
    this.#bytes.write(value, this.#at, 'utf8');
    this.#prefix(field, length);
  }

  bytes(field: number, value: Buffer): void {
    this.raw(value);
    this.#prefix(field, value.length);
  }

  varint(field: number, value: number): void {
    this.#varint(value);
    this.#varint(field * 8);
  }

  /** Makes what was written since `mark` a nested message. */
  nest(field: number, mark: number): void {
    this.#prefix(field, this.mark() - mark);
  }

  /** A copy of the message; the writer is empty again. */
  finish(): Buffer {
    const message = Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = this.#bytes.length;
    return message;
  }

  #prefix(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + 2);
  }

  #varint(value: number): void {
    const size = varintBytes(value);
    this.#reserve(size);
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[at] = rest;
  }

  #reserve(length: number): void {
    if (length <= this.#at) return;
    const used = this.mark();
    const grown = Buffer.allocUnsafeSlow(2 * (used + length));
    this.#bytes.copy(grown, grown.length - used, this.#at);
    this.#bytes = grown;
    this.#at = grown.length - used;
  }
}

export function varintBytes(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
