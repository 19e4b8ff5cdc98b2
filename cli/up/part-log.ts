// Decides what becomes of what a part writes: its log file, bounded, and the few lines that a person should see at once.
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { LIMITS } from '../../core/limits.ts';

/** How a part writes its lines: pino's JSON, Envoy's own form, or anything. */
export type LogForm = 'json' | 'envoy' | 'plain';

export interface PartLog {
  write(chunk: Buffer): void;
  /** The last lines that say something, oldest first. */
  lastLines(): readonly string[];
  close(): void;
}

export interface PartLogOptions {
  readonly path: string;
  readonly form: LogForm;
  /** Receives a line for the terminal, without line end. */
  readonly echo: (line: string) => void;
  readonly nowMs: () => number;
}

const LAST_LINES_MAX = 8;
const REMEMBERED_LINES_MAX = 256;
const PINO_WARN = 40;
const PINO_NAMES: Readonly<Record<number, string>> = { 40: 'warning', 50: 'error', 60: 'fatal' };

/** Members of a line of ours that say whom it is about, and why; in this order. */
const CAUSE_MEMBERS = [
  'server',
  'node',
  'kind',
  'outcome',
  'how',
  'why',
  'error',
  'message',
  'reason',
  'names',
  'problems',
];

/** Opens `path` for appending. A log that cannot be written is dropped silently: a full disk must not stop the gateway. */
export function openPartLog({ path, form, echo, nowMs }: PartLogOptions): PartLog {
  let file = openSync(path, 'a', 0o600);
  let bytes = fstatSync(file).size;
  let rest = '';
  let last: string[] = [];
  let shown = 0;
  let windowEndsMs = 0;
  /** What was shown, and when: the same line again is news only after a while. */
  const shownAtMs = new Map<string, number>();

  const append = (text: string): void => {
    try {
      if (bytes > LIMITS.partLogBytesMax) {
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a', 0o600);
        bytes = 0;
      }
      bytes += writeSync(file, text);
    } catch {
      // Nowhere left to say so.
    }
  };
  const show = (line: string): void => {
    const seen = lineToShow(line, form);
    if (seen === null) return;
    if (nowMs() - (shownAtMs.get(seen) ?? Number.NEGATIVE_INFINITY) < LIMITS.partEchoRepeatMs) return;
    if (nowMs() > windowEndsMs) {
      windowEndsMs = nowMs() + LIMITS.partEchoWindowMs;
      shown = 0;
    }
    shown += 1;
    if (shown <= LIMITS.partEchoLinesMax) {
      if (shownAtMs.size >= REMEMBERED_LINES_MAX) shownAtMs.clear();
      shownAtMs.set(seen, nowMs());
      echo(seen);
    } else if (shown === LIMITS.partEchoLinesMax + 1) echo(`more in ${path}`);
  };
  return {
    write(chunk) {
      const text = rest + chunk.toString('utf8');
      let end = text.lastIndexOf('\n') + 1;
      if (end === 0 && text.length > LIMITS.partLogLineBytesMax) end = text.length;
      rest = text.slice(end);
      if (end === 0) return;
      const whole = text.slice(0, end);
      append(whole.endsWith('\n') ? whole : `${whole}\n`);
      const lines = whole.split('\n').filter((line) => line.trim() !== '');
      last = [...last, ...lines].slice(-LAST_LINES_MAX);
      if (form !== 'plain') for (const line of lines) show(line);
    },
    lastLines: () => last.map((line) => lineToShow(line, form) ?? printable(line)),
    close() {
      if (rest !== '') append(`${rest}\n`);
      rest = '';
      closeSync(file);
    },
  };
}

/** The text for a person, when a line is a warning or worse; else null. Total. */
export function lineToShow(line: string, form: LogForm): string | null {
  if (form === 'json') return pinoLine(line);
  // "[2026-07-28 10:00:00.000][12][error][config] [source/…:1] text"; its warnings are many, and harmless at a start.
  const envoy =
    form === 'envoy' ? /^\[[^\]]*\]\[\d+\]\[(error|critical)\]\[[^\]]*\] (?:\[[^\]]*\] )?(.*)$/.exec(line) : null;
  return envoy === null ? null : printable(`${envoy[1]}: ${envoy[2]}`);
}

function pinoLine(line: string): string | null {
  if (!line.startsWith('{')) return null;
  try {
    const values = JSON.parse(line) as { readonly [name: string]: unknown };
    const { level, msg } = values;
    if (typeof level !== 'number' || level < PINO_WARN) return null;
    const err = values.err as { message?: unknown } | null | undefined;
    const causes = [...CAUSE_MEMBERS.map((name) => values[name]), err?.message]
      .flat()
      .filter((cause) => typeof cause === 'string' && cause !== msg);
    const cause = causes.length === 0 ? '' : ` (${causes.join(': ')})`;
    return printable(`${PINO_NAMES[level] ?? 'warning'}: ${String(msg)}${cause}`);
  } catch {
    return null;
  }
}

/** Without control characters, which could steer a terminal; and short. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 500);
}
