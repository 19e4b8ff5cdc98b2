import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SETTINGS } from '../core/runtime/settings.ts';
import { differences } from './support/docs-table.ts';

const TYPES = {
  string: 'text',
  port: 'port, 1 to 65535',
  count: 'count',
  bytes: 'bytes',
  list: 'list, commas between',
  'yes or no': 'yes or no',
} as const;

test('docs/configuration.md says of every setting what the source says', () => {
  const rows = Object.values(SETTINGS).map(({ env, flag, type, fallback, doc }): [string, string[]] => [
    `\`${env}\``,
    [`\`${env}\``, `\`--${flag}\``, TYPES[type], fallback === '' ? '(empty)' : `\`${fallback}\``, doc],
  ]);
  const table = {
    path: join(import.meta.dirname, '..', 'docs', 'configuration.md'),
    heading: '| environment | flag, key | type, unit | default | meaning |',
    rows: new Map(rows),
    byHand: false,
  };
  expect(differences(table)).toEqual([]);
});
