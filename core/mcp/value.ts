// Decides which value a JSON text is, exactly.
import { LIMITS } from '../limits.ts';
import type { Span } from './scan.ts';

/**
 * A JSON value. Numbers are doubles; integers that a double does not hold safely (beyond 2^53 - 1) are bigints. Look a
 * key up by `Object.hasOwn` only: every key is an ordinary one, also `__proto__` and `toString`.
 */
export type Value = null | boolean | number | bigint | string | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

export type ReadValue =
  | { readonly ok: true; readonly value: Value }
  /** A sentence without the value, for the caller. */
  | { readonly ok: false; readonly problem: string };

/**
 * What the platform's parser reads as we do: no escapes (V8 misreads some escaped keys, nodejs/node#63785), no number
 * that a double may not hold. The rest is read here, more slowly.
 */
const NOT_PLAIN = /\\|[0-9.]{16}|[0-9][eE][+-]?[0-9]/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const SPACE = /[ \n\r\t]*/y;
const PIECE = /[^"\\]*/y;

class Refused extends Error {}

/** The value at a span of bytes that `scan` accepted: it knows that keys are not repeated. Total. */
export function readValue(bytes: Buffer, { start, end }: Span): ReadValue {
  const text = bytes.toString('utf8', start, end);
  try {
    if (!NOT_PLAIN.test(text)) return { ok: true, value: JSON.parse(text) as Value };
    return { ok: true, value: new Reader(text).document() };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, problem: error.message };
    if (error instanceof SyntaxError) return { ok: false, problem: 'is not valid JSON' };
    throw error;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Value {
    this.#space();
    const value = this.#value(1);
    this.#space();
    if (this.#at !== this.#text.length) throw new Refused('is not valid JSON');
    return value;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  /** Passes the character if it comes next. */
  #passes(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    this.#space();
    return true;
  }

  #value(depth: number): Value {
    if (depth > LIMITS.jsonDepthMax + 1) throw new Refused(`is nested deeper than ${LIMITS.jsonDepthMax}`);
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#literal('true', true);
      case 'f':
        return this.#literal('false', false);
      case 'n':
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  #literal(text: string, value: Value): Value {
    if (!this.#text.startsWith(text, this.#at)) throw new Refused('is not valid JSON');
    this.#at += text.length;
    return value;
  }

  #number(): Value {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw new Refused('is not valid JSON');
    this.#at = NUMBER.lastIndex;
    const [text, fraction, exponent] = match;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Refused('holds a number that is too large');
    // Written with a fraction or an exponent it is a double to every reader that we know of.
    if (fraction !== undefined || exponent !== undefined || Number.isSafeInteger(value)) return value;
    return BigInt(text);
  }

  #string(): string {
    const start = this.#at++;
    let escaped = false;
    for (;;) {
      PIECE.lastIndex = this.#at;
      PIECE.test(this.#text);
      this.#at = PIECE.lastIndex;
      if (this.#at >= this.#text.length) throw new Refused('is not valid JSON');
      if (this.#text.charCodeAt(this.#at) === 0x22) break;
      escaped = true;
      this.#at += 2;
    }
    this.#at++;
    if (!escaped) return this.#text.slice(start + 1, this.#at - 1);
    const value = JSON.parse(this.#text.slice(start, this.#at)) as string;
    // Readers disagree on what it is (U+FFFD, an error, itself): nobody could decide on what the backend will see.
    if (!value.isWellFormed()) throw new Refused('holds half of a surrogate pair');
    return value;
  }

  #object(depth: number): Value {
    // No prototype: a key `__proto__` is then one like the others.
    const object = Object.create(null) as Record<string, Value>;
    this.#passes('{');
    if (this.#passes('}')) return object;
    for (;;) {
      if (this.#text[this.#at] !== '"') throw new Refused('is not valid JSON');
      const key = this.#string();
      this.#space();
      if (!this.#passes(':')) throw new Refused('is not valid JSON');
      object[key] = this.#value(depth + 1);
      this.#space();
      if (this.#passes('}')) return object;
      if (!this.#passes(',')) throw new Refused('is not valid JSON');
    }
  }

  #array(depth: number): Value {
    const array: Value[] = [];
    this.#passes('[');
    if (this.#passes(']')) return array;
    for (;;) {
      array.push(this.#value(depth + 1));
      this.#space();
      if (this.#passes(']')) return array;
      if (!this.#passes(',')) throw new Refused('is not valid JSON');
    }
  }
}
