// Decides where one gRPC message ends in a stream of bytes, and how messages are put on it (gRPC over HTTP/2, "Length-Prefixed-Message").

const HEAD_BYTES = 5;
/** Below this, joining buffers is cheaper than handing several to the socket. */
const JOIN_BYTES_MAX = 16 * 1024;

/**
 * Takes bytes in any cut and gives whole messages. A message that came in one piece is a view of it; one in several is
 * copied once, into a buffer of its final size.
 */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #onMessage: (message: Buffer) => void;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #body: Buffer | null = null;
  #bodyBytes = 0;

  constructor(bytesMax: number, onMessage: (message: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#onMessage = onMessage;
  }

  /** @throws Error when a message is compressed or larger than allowed. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body !== null) at += this.#fill(this.#body, chunk, at);
      else if (this.#headBytes === 0 && chunk.length - at >= HEAD_BYTES) {
        const length = this.#length(chunk, at);
        at += HEAD_BYTES;
        if (chunk.length - at < length) this.#begin(length);
        else {
          this.#onMessage(chunk.subarray(at, at + length));
          at += length;
        }
      } else {
        const taken = chunk.copy(this.#head, this.#headBytes, at, at + HEAD_BYTES - this.#headBytes);
        this.#headBytes += taken;
        at += taken;
        if (this.#headBytes < HEAD_BYTES) return;
        this.#headBytes = 0;
        const length = this.#length(this.#head, 0);
        if (length === 0) this.#onMessage(Buffer.alloc(0));
        else this.#begin(length);
      }
    }
  }

  #begin(length: number): void {
    this.#body = Buffer.allocUnsafe(length);
    this.#bodyBytes = 0;
  }

  #fill(body: Buffer, chunk: Buffer, at: number): number {
    const taken = chunk.copy(body, this.#bodyBytes, at);
    this.#bodyBytes += taken;
    if (this.#bodyBytes === body.length) {
      this.#body = null;
      this.#onMessage(body);
    }
    return taken;
  }

  #length(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at + 1);
    if (bytes[at] !== 0) throw new Error('a compressed message was found, none was negotiated');
    if (length > this.#bytesMax) throw new Error(`a message of ${length} bytes exceeds ${this.#bytesMax}`);
    return length;
  }
}

/** A message in pieces, not joined yet. */
export type MessageParts = readonly Buffer[];

/** The messages as few buffers: what is small is joined, what is large is not copied. */
export function frames(messages: readonly MessageParts[]): Buffer[] {
  const out: Buffer[] = [];
  let small: Buffer[] = [];
  const flush = (): void => {
    if (small.length === 1) out.push(small[0]!);
    else if (small.length > 1) out.push(Buffer.concat(small));
    small = [];
  };
  for (const parts of messages) {
    let length = 0;
    for (const part of parts) length += part.length;
    const head = Buffer.allocUnsafe(HEAD_BYTES);
    head[0] = 0;
    head.writeUInt32BE(length, 1);
    small.push(head);
    for (const part of parts) {
      if (part.length < JOIN_BYTES_MAX) small.push(part);
      else {
        flush();
        out.push(part);
      }
    }
  }
  flush();
  return out;
}
