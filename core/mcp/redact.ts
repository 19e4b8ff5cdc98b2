// Decides what of a JSON text is left when the values at some paths must not be seen.
import { LIMITS } from '../limits.ts';

/** A step down by a member's name; null: into every item of a list. */
export type PathStep = string | null;
export type Paths = readonly (readonly PathStep[])[];

/** What stands in the place of a value. */
export const REDACTED = '"[redacted]"';

/** How far a path was followed. */
interface Trail {
  readonly path: readonly PathStep[];
  readonly at: number;
}

interface Cut {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The text with every value at a path replaced; every other character stays. A path begins at any depth, and goes through
 * lists on its way, so that `card` is found in `content`, in `structuredContent` and in an embedded resource alike; a string
 * that is JSON itself (what servers put into `content[].text`) is looked into as well, and so is one in base64.
 * `json`: one valid JSON text. Null: it nests deeper, or holds JSON in JSON in JSON further, than anybody can tell.
 */
export function redact(json: string, paths: Paths): string | null {
  return redactAt(json, paths, 0);
}

function redactAt(json: string, paths: Paths, nested: number): string | null {
  const walk = new Walk(json, paths, nested);
  if (!walk.value([], 0)) return null;
  if (walk.cuts.length === 0) return json;
  let text = '';
  let at = 0;
  for (const cut of walk.cuts) {
    text += json.slice(at, cut.start) + cut.text;
    at = cut.end;
  }
  return text + json.slice(at);
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const OTHER = /[^,\]}\s]*/y;
/** What may be JSON: an object or a list. */
const LOOKS_LIKE_JSON = /^\s*[[{]/;
const BASE64 = /^[A-Za-z0-9+/]{8,}={0,2}$/;

class Walk {
  readonly cuts: Cut[] = [];
  readonly #text: string;
  readonly #paths: Paths;
  readonly #nested: number;
  #at = 0;

  constructor(text: string, paths: Paths, nested: number) {
    this.#text = text;
    this.#paths = paths;
    this.#nested = nested;
  }

  /** False: it cannot be told. */
  value(trails: readonly Trail[], depth: number): boolean {
    if (depth > LIMITS.jsonDepthMax) return false;
    this.#skip(SPACE);
    const start = this.#at;
    const first = this.#text[start];
    const found = trails.some(({ path, at }) => at === path.length);
    const before = this.cuts.length;
    const told =
      first === '{'
        ? this.#object(trails, depth)
        : first === '['
          ? this.#array(trails, depth)
          : first === '"'
            ? this.#string(start, found)
            : this.#skip(OTHER);
    if (!told) return false;
    if (found) {
      this.cuts.length = before;
      this.cuts.push({ start, end: this.#at, text: REDACTED });
    }
    this.#skip(SPACE);
    return true;
  }

  #skip(pattern: RegExp): true {
    pattern.lastIndex = this.#at;
    pattern.test(this.#text);
    this.#at = pattern.lastIndex;
    return true;
  }

  #object(trails: readonly Trail[], depth: number): boolean {
    this.#at++;
    this.#skip(SPACE);
    while (this.#text[this.#at] === '"') {
      const start = this.#at;
      this.#skip(STRING);
      const key = JSON.parse(this.#text.slice(start, this.#at)) as string;
      this.#skip(SPACE);
      this.#at++;
      if (!this.value(this.#under(trails, key), depth + 1)) return false;
      if (this.#text[this.#at] === ',') this.#at++;
      this.#skip(SPACE);
    }
    this.#at++;
    return true;
  }

  #array(trails: readonly Trail[], depth: number): boolean {
    this.#at++;
    this.#skip(SPACE);
    const inside = trails.map(({ path, at }) => ({ path, at: path[at] === null ? at + 1 : at }));
    while (this.#at < this.#text.length && this.#text[this.#at] !== ']') {
      if (!this.value(inside, depth + 1)) return false;
      if (this.#text[this.#at] === ',') this.#at++;
    }
    this.#at++;
    return true;
  }

  #under(trails: readonly Trail[], key: string): Trail[] {
    const next: Trail[] = [];
    for (const { path, at } of trails) {
      // A list may be left out on the way: `items.id` is `items[*].id`.
      const step = path[at] === null ? at + 1 : at;
      if (path[step] === key) next.push({ path, at: step + 1 });
    }
    for (const path of this.#paths) if (path[0] === key) next.push({ path, at: 1 });
    return next;
  }

  #string(start: number, found: boolean): boolean {
    this.#skip(STRING);
    if (found) return true;
    const raw = this.#text.slice(start, this.#at);
    const value = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    const inner = this.#innerOf(value);
    if (inner === undefined) return true;
    if (inner === null) return false;
    if (inner !== value) this.cuts.push({ start, end: this.#at, text: JSON.stringify(inner) });
    return true;
  }

  /** A string that holds JSON, redacted; undefined: it holds none. */
  #innerOf(value: string): string | null | undefined {
    if (LOOKS_LIKE_JSON.test(value)) return isJson(value) ? this.#deeper(value) : undefined;
    if (!BASE64.test(value)) return undefined;
    const text = Buffer.from(value, 'base64').toString('utf8');
    if (!LOOKS_LIKE_JSON.test(text) || !isJson(text)) return undefined;
    const inner = this.#deeper(text);
    return inner === null ? null : inner === text ? value : Buffer.from(inner).toString('base64');
  }

  #deeper(text: string): string | null {
    return this.#nested >= LIMITS.redactNestingMax ? null : redactAt(text, this.#paths, this.#nested + 1);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
