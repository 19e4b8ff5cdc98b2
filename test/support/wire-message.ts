// Decides how a test writes a protobuf message: field by field, in the order of reading; not for speed.

/** A protobuf message under construction: parts that are joined once. Nested messages are written inside out. */
export class WireMessage {
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

  messageField(field: number, message: WireMessage): this {
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
