import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERRORS } from '../core/errors.ts';
import { differences } from './support/docs-table.ts';

test('docs/errors.md says of every error what the source says, and what it means', () => {
  const rows = Object.entries(ERRORS).map(([code, { http, rpc, message }]): [string, string[]] => [
    `\`${code}\``,
    [`\`${code}\``, String(http), String(rpc), message],
  ]);
  const table = {
    path: join(import.meta.dirname, '..', 'docs', 'errors.md'),
    heading: '| code | HTTP | JSON-RPC | message | what it means, what to do |',
    rows: new Map(rows),
    byHand: true,
  };
  expect(differences(table)).toEqual([]);
});
