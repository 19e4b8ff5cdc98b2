// Decides what of a stream of bytes is text: "JSON-RPC messages MUST be UTF-8 encoded", so what is not is refused, and not mended.
import { isUtf8 } from 'node:buffer';

export interface Decoded {
  readonly text: string;
  /** False: there are bytes that are no UTF-8; `text` has the lines that were whole before them. */
  readonly ok: boolean;
}

const LF = 10;
const CR = 13;
/** The most bytes that a character lacks at the end of a piece. */
const TAIL_BYTES = 3;
const NOTHING = Buffer.alloc(0);

/** Takes the bytes in any cut. Of no use after the first that are wrong. */
export class Utf8Reader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** The beginning of a character. */
  #tail: Buffer = NOTHING;

  read(chunk: Buffer): Decoded {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const whole = bytes.length - unfinished(bytes);
    try {
      const text = this.#decoder.decode(bytes.subarray(0, whole), { stream: true });
      this.#tail = whole === bytes.length ? NOTHING : Buffer.from(bytes.subarray(whole));
      return { text, ok: true };
    } catch {
      return { text: bytes.toString('utf8', 0, goodLines(bytes)), ok: false };
    }
  }
}

/** Bytes at the end that begin a character without ending it (RFC 3629 §3). */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(TAIL_BYTES, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    if (byte > 0xf4) return 0;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return wanted > back ? back : 0;
  }
  return 0;
}

/** Ends of lines are never in the middle of a character. */
function goodLines(bytes: Buffer): number {
  let good = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== LF && bytes[at] !== CR) continue;
    if (!isUtf8(bytes.subarray(good, at + 1))) return good;
    good = at + 1;
  }
  return good;
}
