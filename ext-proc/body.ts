// Decides how the chunks of a body become one.

export interface Gathering {
  /** `chunk` may be a view of a larger read buffer. */
  push(chunk: Buffer): void;
  readonly bytes: number;
  whole(): Buffer;
}

const EMPTY = Buffer.alloc(0);

/**
 * A body in one chunk is not copied. More are copied once, into room that doubles: a body that comes byte by byte must not
 * hold a thousand times its size in views and in the read buffers behind them.
 */
export function gathering(): Gathering {
  let first: Buffer | null = null;
  let room = EMPTY;
  let bytes = 0;
  const copy = (chunk: Buffer): void => {
    if (bytes + chunk.length > room.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * room.length, bytes + chunk.length));
      room.copy(grown, 0, 0, bytes);
      room = grown;
    }
    chunk.copy(room, bytes);
    bytes += chunk.length;
  };
  return {
    push(chunk) {
      if (chunk.length === 0) return;
      if (bytes === 0) {
        first = chunk;
        bytes = chunk.length;
        return;
      }
      if (first !== null) {
        const held = first;
        first = null;
        bytes = 0;
        copy(held);
      }
      copy(chunk);
    },
    get bytes() {
      return bytes;
    },
    whole: () => first ?? room.subarray(0, bytes),
  };
}
