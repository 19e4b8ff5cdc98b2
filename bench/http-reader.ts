// Decides where one HTTP/1.1 message ends and the next begins, in as little time as JavaScript allows.
import { BOUNDS } from './bounds.ts';

/** `head` is the start line and the headers, each ended by CRLF. `body` is only good until the function returns. */
export type OnMessage = (head: string, body: Buffer) => void;

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const EMPTY = Buffer.alloc(0);
const LENGTH = /\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n/i;
const CHUNKED = /\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n/i;
/** A chunk's size, maybe with extensions (RFC 9112 §7.1). */
const CHUNK_SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i;
/** Responses that never have a body (RFC 9112 §6.3). */
const BODILESS = /^HTTP\/1\.1 (?:1\d\d|204|304) /;

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'broken';

/**
 * Reads requests or responses with a content-length or the chunked coding. A chunk that is pushed may be used again by
 * its owner afterwards: what is not consumed at once is copied.
 */
export class HttpReader {
  readonly #kind: 'request' | 'response';
  readonly #onMessage: OnMessage;
  #state: State = 'head';
  /** Bytes of a head or a line that is not whole yet. */
  #rest: Buffer | null = null;
  #head = '';
  #body = EMPTY;
  #filled = 0;
  /** Bytes still wanted of the body or the chunk. */
  #wanted = 0;

  constructor(kind: 'request' | 'response', onMessage: OnMessage) {
    this.#kind = kind;
    this.#onMessage = onMessage;
  }

  /** True between two messages. */
  get idle(): boolean {
    return this.#state === 'head' && this.#rest === null;
  }

  /** Null, or why this is not HTTP that we read; after that nothing more is read. */
  push(chunk: Buffer): string | null {
    let data = chunk;
    if (this.#rest !== null) {
      data = Buffer.concat([this.#rest, chunk]);
      this.#rest = null;
    }
    let at = 0;
    while (at < data.length) {
      const next = this.#state === 'head' ? this.#readHead(data, at) : this.#readBody(data, at);
      if (typeof next === 'string') {
        this.#state = 'broken';
        return next;
      }
      if (next === at) {
        this.#rest = Buffer.from(data.subarray(at));
        return null;
      }
      at = next;
    }
    return null;
  }

  /** The position after what was read; the same one when more is needed. */
  #readHead(data: Buffer, at: number): number | string {
    const end = data.indexOf(HEAD_END, at);
    if (end === -1) return data.length - at > BOUNDS.headBytesMax ? 'the head is too long' : at;
    const head = data.toString('latin1', at, end + 2);
    const start = end + 4;
    const length = LENGTH.exec(head)?.[1];
    if (length === undefined) {
      this.#head = head;
      this.#filled = 0;
      if (CHUNKED.test(head)) this.#state = 'size';
      else if (this.#kind === 'request' || BODILESS.test(head)) this.#onMessage(head, EMPTY);
      else return 'a response has neither content-length nor chunks';
      return start;
    }
    const bytes = Number(length);
    if (bytes > BOUNDS.bodyBytesMax) return 'the body is too long';
    if (data.length - start >= bytes) {
      this.#onMessage(head, data.subarray(start, start + bytes));
      return start + bytes;
    }
    this.#head = head;
    this.#filled = 0;
    this.#wanted = bytes;
    this.#reserve(bytes);
    this.#state = 'length';
    return start;
  }

  #readBody(data: Buffer, at: number): number | string {
    if (this.#state === 'length' || this.#state === 'chunk') {
      const end = Math.min(data.length, at + this.#wanted);
      data.copy(this.#body, this.#filled, at, end);
      this.#filled += end - at;
      this.#wanted -= end - at;
      if (this.#wanted > 0) return end;
      if (this.#state === 'chunk') this.#state = 'chunk-end';
      else this.#emit();
      return end;
    }
    const end = data.indexOf(LINE_END, at);
    if (end === -1) return data.length - at > BOUNDS.lineBytesMax ? 'a line of the chunked coding is too long' : at;
    return this.#readLine(data.toString('latin1', at, end)) ?? end + 2;
  }

  #readLine(line: string): string | null {
    if (this.#state === 'size') {
      const size = CHUNK_SIZE.exec(line)?.[1];
      if (size === undefined) return `found ${JSON.stringify(line.slice(0, 40))}, wanted the size of a chunk`;
      this.#wanted = Number.parseInt(size, 16);
      if (this.#filled + this.#wanted > BOUNDS.bodyBytesMax) return 'the body is too long';
      this.#reserve(this.#filled + this.#wanted);
      this.#state = this.#wanted === 0 ? 'trailer' : 'chunk';
    } else if (this.#state === 'chunk-end') {
      if (line !== '') return 'a chunk is longer than its size';
      this.#state = 'size';
    } else if (this.#state === 'trailer') {
      if (line === '') this.#emit();
    } else return 'nothing is read after what was broken';
    return null;
  }

  #emit(): void {
    this.#state = 'head';
    this.#onMessage(this.#head, this.#body.subarray(0, this.#filled));
  }

  #reserve(bytes: number): void {
    if (this.#body.length >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#body.length, 4096));
    this.#body.copy(larger, 0, 0, this.#filled);
    this.#body = larger;
  }
}
