// Decides where one line of a child's output ends, and what becomes of one that is too long.

/** `fail`: the splitter stops for good, its owner ends the child. `cut`: the line's beginning is given, the rest skipped. */
export type OverlongLine = 'fail' | 'cut';

export interface Split {
  /** Complete lines without their line end. */
  readonly lines: readonly Buffer[];
  /** With `fail`: a line exceeded the bound, and nothing more will be given. */
  readonly tooLong: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/** A push splitter at LF or CRLF; holds at most `bytesMax` bytes of an unfinished line. */
export class LineSplitter {
  readonly #bytesMax: number;
  readonly #overlong: OverlongLine;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #skipping = false;
  #failed = false;

  constructor(bytesMax: number, overlong: OverlongLine) {
    this.#bytesMax = bytesMax;
    this.#overlong = overlong;
  }

  push(chunk: Buffer): Split {
    const lines: Buffer[] = [];
    let start = 0;
    while (!this.#failed && start < chunk.length) {
      const found = chunk.indexOf(LF, start);
      const end = found < 0 ? chunk.length : found;
      this.#take(chunk.subarray(start, end), lines);
      if (found >= 0) this.#finish(lines);
      start = end + 1;
    }
    return { lines, tooLong: this.#failed };
  }

  /** The output ended: an unfinished line counts as one. */
  end(): readonly Buffer[] {
    const lines: Buffer[] = [];
    if (!this.#failed) this.#finish(lines);
    return lines;
  }

  #take(piece: Buffer, lines: Buffer[]): void {
    if (this.#skipping || piece.length === 0) return;
    const room = this.#bytesMax - this.#bytes;
    if (piece.length <= room) {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      return;
    }
    if (this.#overlong === 'fail') {
      this.#failed = true;
      this.#pieces = [];
      return;
    }
    this.#pieces.push(piece.subarray(0, room));
    lines.push(this.#joined());
    this.#skipping = true;
  }

  #finish(lines: Buffer[]): void {
    if (this.#failed) return;
    const line = this.#joined();
    // A skipped line was already given; blank lines carry nothing.
    if (!this.#skipping && line.length > 0) lines.push(line);
    this.#skipping = false;
  }

  #joined(): Buffer {
    const line = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  }
}
