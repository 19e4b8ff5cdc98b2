import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { ChildLog, printable } from './child-log.ts';

function startLog(env: Record<string, string> = {}) {
  const written: Record<string, unknown>[] = [];
  const clock = { ms: 0 };
  const log = new ChildLog({
    log: pino({}, { write: (text: string) => void written.push(JSON.parse(text)) }),
    now: () => clock.ms,
    limits: { bridgeLogLineBytesMax: 40, bridgeLogLinesPerSecondMax: 2 },
    env,
  });
  return { log, written, clock, line: (text: string) => log.line('stderr', Buffer.from(text)) };
}

describe('ChildLog', () => {
  test('a line is one event', () => {
    const { line, written } = startLog();
    line('hello');
    expect(written).toMatchObject([{ stderr: 'hello' }]);
  });

  test('a long line is cut', () => {
    const { line, written } = startLog();
    line('x'.repeat(100));
    expect(written).toMatchObject([{ stderr: 'x'.repeat(40) }]);
  });

  test('lines beyond the rate are counted, and the next second says how many', () => {
    const { line, written, clock } = startLog();
    for (const text of ['a', 'b', 'c', 'd']) line(text);
    expect(written.map((event) => event.stderr)).toEqual(['a', 'b']);
    clock.ms = 1000;
    line('e');
    expect(written.slice(2)).toMatchObject([{ lines: 2 }, { stderr: 'e' }]);
  });

  test('a configured value of eight characters is cut out, a shorter one is not', () => {
    const { line, written } = startLog({ API_TOKEN: 'hunter22', LEVEL: 'debug' });
    line('token=hunter22 level=debug');
    expect(written).toMatchObject([{ stderr: 'token=(cut) level=debug' }]);
  });
});

const TEXTS: readonly [sentence: string, text: string, shown: string][] = [
  ['plain text stays', 'café 😀 "x" \\', 'café 😀 "x" \\'],
  ['an escape sequence is shown', '\u001b[31mred', '\\u{1b}[31mred'],
  ['a tab, a CR and a C1 control are shown', '\t\r\u0085', '\\u{9}\\u{d}\\u{85}'],
  ['a text-direction override is shown', 'a\u202eb', 'a\\u{202e}b'],
  ['a line separator is shown', 'a\u2028b', 'a\\u{2028}b'],
];

describe('printable', () => {
  test.each(TEXTS)('%s', (_sentence, text, shown) => expect(printable(text)).toBe(shown));
});
