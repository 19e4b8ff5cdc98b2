import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { table } from './commands/table.ts';
import { oneLine, safeJson, safeYaml } from './terminal.ts';

const HOSTILE = [
  ['an escape sequence', 'a\u001b[2Jb', 'a\\u001b[2Jb'],
  ['a line end', 'a\nb', 'a\\u000ab'],
  ['a tab', 'a\tb', 'a\\u0009b'],
  ['DEL', 'a\u007fb', 'a\\u007fb'],
  ['a C1 control', 'a\u009b31mb', 'a\\u009b31mb'],
  ['an override of the direction', 'a\u202eb', 'a\\u202eb'],
  ['an isolate', 'a\u2066b', 'a\\u2066b'],
  ['a space without width', 'a\u200bb', 'a\\u200bb'],
  ['half a character', 'a\ud800b', 'a\\ud800b'],
] as const;

test.each(HOSTILE)('%s is written out on a line', (_, text, wanted) => {
  expect(oneLine(text)).toBe(wanted);
});

test.each(HOSTILE)('%s is written out in JSON and YAML, which say the same value', (_, text) => {
  const value = { [text]: [text, { deep: text }] };
  const outputs = [safeJson(value), safeYaml(value)];
  for (const output of outputs) expect(output).not.toMatch(/[^\P{Cc}\n]|[\u202e\u2066\u200b]/u);
  expect(JSON.parse(outputs[0] ?? '')).toEqual(value);
  expect(parse(outputs[1] ?? '')).toEqual(value);
});

test.each([
  ['letters of any alphabet', 'größer 漢字 🙂'],
  ['a backslash', 'a\\b'],
])('%s stay as they are', (_, text) => {
  expect(oneLine(text)).toBe(text);
  expect(safeYaml({ text })).toContain(text);
  expect(JSON.parse(safeJson({ text }))).toEqual({ text });
});

test('a table writes out what could steer a terminal, and aligns what it shows', () => {
  expect(
    table([
      ['A', 'B'],
      ['x\u001b[2J', 'y\n'],
    ]),
  ).toBe('A           B\nx\\u001b[2J  y\\u000a\n');
});
