import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GOLDEN_DIR, GOLDEN_FILES, goldenCases, translateCase } from '../support/golden-cases.ts';

const MEND =
  'if the change is meant, run the tests once with UPDATE_GOLDEN=1 and read the diff: it is what Envoy will receive';
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

describe.each(goldenCases())('%s', (name) => {
  const resources = translateCase(name);

  test.each(Object.entries(GOLDEN_FILES))('%s.json is what Envoy receives', (file, type) => {
    const path = join(GOLDEN_DIR, name, `${file}.json`);
    const text = `${JSON.stringify(resources[type], null, 2)}\n`;
    if (UPDATE) writeFileSync(path, text);
    expect(existsSync(path), `${path} is missing; ${MEND}`).toBe(true);
    expect(text, MEND).toBe(readFileSync(path, 'utf8'));
  });

  test('is translated again to the same bytes', () => {
    expect(JSON.stringify(translateCase(name))).toBe(JSON.stringify(resources));
  });

  test('has the listeners of every other case with its settings: a changed one would cut live streams', () => {
    const [{ place, listeners }] = [
      { place: settingsOf(name), listeners: JSON.stringify(resources[GOLDEN_FILES.listeners]) },
    ];
    for (const other of goldenCases()) {
      if (settingsOf(other) === place)
        expect(JSON.stringify(translateCase(other)[GOLDEN_FILES.listeners])).toBe(listeners);
    }
  });
});

function settingsOf(name: string): string {
  return readFileSync(join(GOLDEN_DIR, name, 'in.yaml'), 'utf8')
    .split('\n---\n', 1)[0]!
    .replace(/^#.*\n/gm, '')
    .trim();
}
