import { describe, expect, test } from 'vitest';
import { isLegacyVersion, LATEST_LEGACY_VERSION, LEGACY_VERSIONS, negotiate } from './versions.ts';

describe('a requested version', () => {
  test.each(LEGACY_VERSIONS)('%s is spoken and given', (version) => {
    expect(isLegacyVersion(version)).toBe(true);
    expect(negotiate(version)).toBe(version);
  });

  test.each(['2024-11-05', '2026-07-28', '2025-11-25 ', '2025-6-18', 'DRAFT-2026', '', '__proto__'])(
    '%j is not: the latest is given',
    (version) => {
      expect(isLegacyVersion(version)).toBe(false);
      expect(negotiate(version)).toBe(LATEST_LEGACY_VERSION);
    },
  );
});

test('the versions are in order, and the latest is the last', () => {
  expect([...LEGACY_VERSIONS].sort()).toEqual(LEGACY_VERSIONS);
  expect(LEGACY_VERSIONS.at(-1)).toBe(LATEST_LEGACY_VERSION);
});
