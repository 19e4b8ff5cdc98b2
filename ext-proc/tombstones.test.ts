import { expect, test } from 'vitest';
import { createTombstones } from './tombstones.ts';

test('a session that was ended here is ended at once, and the control plane is told', () => {
  const reported: object[] = [];
  const tombstones = createTombstones({ pushed: () => new Set(), report: (tombstone) => reported.push(tombstone) });
  expect(tombstones.has('a')).toBe(false);
  tombstones.add('a', 5);
  expect(tombstones.has('a')).toBe(true);
  expect(tombstones.has('b')).toBe(false);
  expect(reported).toEqual([{ tokenId: 'a', expiresAtMs: 5 }]);
});

test('a session that was ended elsewhere is ended here when it was pushed', () => {
  let pushed = new Set<string>();
  const tombstones = createTombstones({ pushed: () => pushed, report: () => {} });
  expect(tombstones.has('a')).toBe(false);
  pushed = new Set(['a']);
  expect(tombstones.has('a')).toBe(true);
});
