// Decides what of a child's own output reaches the log: bounded in length and rate, without control characters or secrets.
import type { Logger } from '../core/runtime/log.ts';
import type { BridgeLimits } from './bounds.ts';

/** Shorter values of a configured variable (`1`, `true`, `info`) are no secrets, and cutting them would spoil every line. */
const SECRET_CHARS_MIN = 8;
const WINDOW_MS = 1000;

export interface ChildLogOptions {
  readonly log: Logger;
  readonly now: () => number;
  readonly limits: Pick<BridgeLimits, 'bridgeLogLineBytesMax' | 'bridgeLogLinesPerSecondMax'>;
  /** The environment that the operator configured; its values are cut out of the lines. */
  readonly env: Readonly<Record<string, string>>;
}

export class ChildLog {
  readonly #options: ChildLogOptions;
  readonly #secrets: readonly string[];
  #windowStart = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #dropped = 0;

  constructor(options: ChildLogOptions) {
    this.#options = options;
    this.#secrets = Object.values(options.env)
      .filter((value) => value.length >= SECRET_CHARS_MIN)
      .sort((a, b) => b.length - a.length);
  }

  line(from: 'stderr' | 'stdout', bytes: Buffer): void {
    const { log, now, limits } = this.#options;
    const at = now();
    if (at - this.#windowStart >= WINDOW_MS) {
      this.flush();
      this.#windowStart = at;
      this.#lines = 0;
    }
    if (this.#lines >= limits.bridgeLogLinesPerSecondMax) {
      this.#dropped++;
      return;
    }
    this.#lines++;
    const text = printable(this.#cut(bytes.subarray(0, limits.bridgeLogLineBytesMax).toString('utf8')));
    if (from === 'stderr') log.info({ stderr: text }, 'the child wrote to standard error');
    else log.warn({ stdout: text }, 'the child wrote a line that is not JSON-RPC to standard output');
  }

  /** Says how many lines the rate bound held back. */
  flush(): void {
    if (this.#dropped > 0) this.#options.log.warn({ lines: this.#dropped }, 'lines of the child were not logged');
    this.#dropped = 0;
  }

  #cut(text: string): string {
    return this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, '(cut)'), text);
  }
}

/** Control, format and line-separating characters as `\u{…}`: a child must not write to our operators' terminals. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
