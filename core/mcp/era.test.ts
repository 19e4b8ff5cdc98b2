import { expect, test } from 'vitest';
import { eraOf, speaks } from './era.ts';

test.each([
  ['2025-03-26', 'legacy'],
  ['2026-07-27', 'legacy'],
  ['2026-07-28', 'modern'],
  ['2099-01-01', 'modern'],
  ['', null],
  ['draft', null],
  ['2026-07-28 ', null],
  ['2026-07-28, 2026-07-28', null],
])('%j is of the era %s', (version, era) => {
  expect(eraOf(version)).toBe(era);
});

test.each<[string, Parameters<typeof speaks>[0], boolean, boolean]>([
  ['that was not read yet', null, false, false],
  ['read in a session', { protocolVersion: '2025-11-25' }, true, false],
  ['of the first version', { protocolVersion: '2024-11-05' }, true, false],
  ['of both eras', { protocolVersion: '2025-11-25', protocolVersions: ['2025-11-25', '2026-07-28'] }, true, true],
  ['of the modern era alone', { protocolVersion: '2026-07-28', protocolVersions: ['2026-07-28'] }, false, true],
  ['of a later era', { protocolVersion: '2099-01-01' }, false, false],
])('a server %s speaks what was seen', (_, discovered, legacy, modern) => {
  expect([speaks(discovered, 'legacy'), speaks(discovered, 'modern')]).toEqual([legacy, modern]);
});
