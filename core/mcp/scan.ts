// Decides whether bytes are one valid JSON text without repeated keys, and where the members that a gateway reads lie.
import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../limits.ts';

/** Byte range of a JSON value, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A top-level object: spans of its members' values, and of the members of its member `params` where that is an object. */
export interface Scanned {
  readonly members: ReadonlyMap<string, Span>;
  readonly params: ReadonlyMap<string, Span> | null;
}

export type ScanFailure = 'parse_error' | 'duplicate_key' | 'array' | 'not_an_object';

// Control characters are what JSON forbids inside a string (RFC 8259 §7).
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CHUNK = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' };
const ESCAPES = new Set([...'"\\/bfnrt'].map((char) => char.charCodeAt(0)));
/** Beyond this many keys a Set finds a repeated one faster than a walk. */
const WALK_KEYS_MAX = 12;

class Refused extends Error {
  readonly failure: ScanFailure;
  constructor(failure: ScanFailure) {
    super(failure);
    this.failure = failure;
  }
}

/**
 * Walks the bytes once and builds no values: a 100 KB argument costs one pass over a one-byte string. The grammar is
 * RFC 8259; repeated keys are refused because parsers disagree on which one counts (RFC 8259 §4), and a policy must
 * decide on what the backend will read. Among the members that a gateway reads, "Name" repeats "name": some parsers (Go's
 * encoding/json) take either for the other. Total.
 */
export function scan(bytes: Buffer, depthMax: number): Scanned | ScanFailure {
  if (!isUtf8(bytes)) return 'parse_error';
  const scanner = new Scanner(bytes.toString('latin1'), bytes, depthMax);
  try {
    return scanner.document();
  } catch (error) {
    if (error instanceof Refused) return error.failure;
    throw error;
  }
}

/** The items of a top-level array: a batch. By the same rules. Total. */
export function scanArray(bytes: Buffer, depthMax: number): readonly Span[] | ScanFailure | 'not_an_array' {
  if (!isUtf8(bytes)) return 'parse_error';
  try {
    return new Scanner(bytes.toString('latin1'), bytes, depthMax).items();
  } catch (error) {
    if (error instanceof Refused) return error.failure;
    throw error;
  }
}

/** As Unicode's simple folding compares: over the upper case, so that the long s and the Kelvin sign are found as well. */
export function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}

class Scanner {
  // One byte is one character here, so positions in the text are positions in the bytes.
  readonly #text: string;
  readonly #bytes: Buffer;
  readonly #depthMax: number;
  #at = 0;
  #escaped = false;

  constructor(text: string, bytes: Buffer, depthMax: number) {
    this.#text = text;
    this.#bytes = bytes;
    this.#depthMax = depthMax;
  }

  document(): Scanned {
    this.#space();
    const first = this.#text[this.#at];
    const members = new Map<string, Span>();
    const inner = new Map<string, Map<string, Span>>();
    if (first === '{') this.#object(1, members, inner);
    else this.#value(1);
    this.#space();
    if (this.#at !== this.#text.length) throw new Refused('parse_error');
    if (first === '[') throw new Refused('array');
    if (first !== '{') throw new Refused('not_an_object');
    return { members, params: inner.get('params') ?? null };
  }

  items(): readonly Span[] | 'not_an_array' {
    this.#space();
    if (this.#text[this.#at] !== '[') return 'not_an_array';
    const spans: Span[] = [];
    this.#array(1, spans);
    this.#space();
    if (this.#at !== this.#text.length) throw new Refused('parse_error');
    return spans;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #value(depth: number): void {
    const char = this.#text[this.#at];
    if (char === '"') return this.#string();
    if (char === '{') return this.#object(depth, null, null);
    if (char === '[') return this.#array(depth, null);
    const literal = char === undefined ? undefined : LITERALS[char];
    if (literal !== undefined) {
      if (!this.#text.startsWith(literal, this.#at)) throw new Refused('parse_error');
      this.#at += literal.length;
      return;
    }
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#text)) throw new Refused('parse_error');
    this.#at = NUMBER.lastIndex;
  }

  #string(): void {
    this.#at++;
    this.#escaped = false;
    for (;;) {
      CHUNK.lastIndex = this.#at;
      CHUNK.test(this.#text);
      this.#at = CHUNK.lastIndex;
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) {
        this.#at++;
        return;
      }
      if (code !== 0x5c) throw new Refused('parse_error');
      this.#escaped = true;
      const escaped = this.#text.charCodeAt(this.#at + 1);
      if (escaped === 0x75) {
        HEX4.lastIndex = this.#at + 2;
        if (!HEX4.test(this.#text)) throw new Refused('parse_error');
        this.#at += 6;
      } else if (ESCAPES.has(escaped)) this.#at += 2;
      else throw new Refused('parse_error');
    }
  }

  /** The key as its reader would see it: escapes resolved, so that "\u0061" repeats "a". */
  #key(): string {
    if (this.#text.charCodeAt(this.#at) !== 0x22) throw new Refused('parse_error');
    const start = this.#at;
    this.#string();
    if (!this.#escaped) return this.#bytes.toString('utf8', start + 1, this.#at - 1);
    return JSON.parse(this.#bytes.toString('utf8', start, this.#at)) as string;
  }

  #object(depth: number, spans: Map<string, Span> | null, inner: Map<string, Map<string, Span>> | null): void {
    if (depth > this.#depthMax) throw new Refused('parse_error');
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return;
    }
    const keys: string[] = [];
    let set: Set<string> | null = null;
    for (;;) {
      const written = this.#key();
      if (spans !== null && spans.size >= LIMITS.messageMembersMax) throw new Refused('parse_error');
      const key = spans === null ? written : folded(written);
      if (set === null ? keys.includes(key) : set.has(key)) throw new Refused('duplicate_key');
      if (set !== null) set.add(key);
      else {
        keys.push(key);
        if (keys.length > WALK_KEYS_MAX) set = new Set(keys);
      }
      this.#space();
      if (this.#text[this.#at] !== ':') throw new Refused('parse_error');
      this.#at++;
      this.#space();
      const start = this.#at;
      if (inner !== null && written === 'params' && this.#text[start] === '{') {
        const params = new Map<string, Span>();
        inner.set(written, params);
        this.#object(depth + 1, params, null);
      } else this.#value(depth + 1);
      spans?.set(written, { start, end: this.#at });
      this.#space();
      const char = this.#text[this.#at];
      this.#at++;
      if (char === '}') return;
      if (char !== ',') throw new Refused('parse_error');
      this.#space();
    }
  }

  #array(depth: number, spans: Span[] | null): void {
    if (depth > this.#depthMax) throw new Refused('parse_error');
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return;
    }
    for (;;) {
      const start = this.#at;
      this.#value(depth + 1);
      spans?.push({ start, end: this.#at });
      this.#space();
      const char = this.#text[this.#at];
      this.#at++;
      if (char === ']') return;
      if (char !== ',') throw new Refused('parse_error');
      this.#space();
    }
  }
}
