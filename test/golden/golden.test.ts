import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Translated } from '../../controlplane/xds/translate/types.ts';
import {
  GOLDEN_DIR,
  GOLDEN_FILES,
  goldenCases,
  goldenFile,
  shownResources,
  translateCase,
} from '../support/golden-cases.ts';

const MEND =
  'if the change is meant, run the tests once with UPDATE_GOLDEN=1 and read the diff: it is what Envoy will receive';
const UPDATE = process.env.UPDATE_GOLDEN === '1';

describe.each(goldenCases())('$name, as $group', ({ name, group }) => {
  const { resources } = translateCase(name).groups.get(group)!;

  test.each(Object.entries(GOLDEN_FILES))('%s.json is what Envoy receives', (file, type) => {
    const path = goldenFile({ name, group }, file);
    const text = `${JSON.stringify(shownResources(resources, type), null, 2)}\n`;
    if (UPDATE) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    expect(existsSync(path), `${path} is missing; ${MEND}`).toBe(true);
    expect(text, MEND).toBe(readFileSync(path, 'utf8'));
  });

  test('is translated again to the same bytes', () => {
    expect(everything(translateCase(name).groups.get(group)!.resources)).toBe(everything(resources));
  });

  test('has the listeners of every other case with its settings: a changed one would cut live streams', () => {
    const listeners = JSON.stringify(shownResources(resources, GOLDEN_FILES.listeners));
    for (const other of goldenCases()) {
      if (settingsOf(other.name) !== settingsOf(name)) continue;
      const theirs = translateCase(other.name).groups.get(other.group)!.resources;
      expect(JSON.stringify(shownResources(theirs, GOLDEN_FILES.listeners))).toBe(listeners);
    }
  });
});

function everything(resources: Translated): string {
  return JSON.stringify(Object.entries(resources).map(([type, all]) => [type, [...all]]));
}

function settingsOf(name: string): string {
  return readFileSync(join(GOLDEN_DIR, name, 'in.yaml'), 'utf8')
    .split('\n---\n', 1)[0]!
    .replace(/^#.*\n/gm, '')
    .trim();
}
