import { expect, test } from 'vitest';
import { discoveredOf, versionOf } from '../../test/support/ext-proc-world.ts';
import { backendVersion } from './version.ts';

test.each([
  ['a backend that has the client’s version', '2025-11-25', '2025-06-18', '2025-06-18'],
  ['a backend that has it as its newest', '2025-06-18', '2025-06-18', '2025-06-18'],
  ['a backend whose newest is older gets that', '2025-06-18', '2025-11-25', '2025-06-18'],
  ['a backend whose newest is older than any of ours', '2024-11-05', '2025-03-26', '2024-11-05'],
])('%s', (_, newest, client, wanted) => {
  const read = versionOf('memory', [], { discovered: discoveredOf('memory', [], { protocolVersion: newest }) });
  expect(backendVersion(read, { protocolVersion: client })).toBe(wanted);
});

test('a backend that was not read gets the client’s version', () => {
  expect(backendVersion(versionOf('memory', [], { discovered: null }), { protocolVersion: '2025-06-18' })).toBe(
    '2025-06-18',
  );
});
