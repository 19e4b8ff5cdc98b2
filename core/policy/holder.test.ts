import { expect, test } from 'vitest';
import { principalOf } from '../../test/support/catalog-world.ts';
import { fakeLedger } from '../../test/support/fake-ledger.ts';
import { LIMITS } from '../limits.ts';
import { labelsOf, leaveLabels, principalHolders } from './holder.ts';

const NOW_MS = 1_700_000_000_000;

test('labels are those of all tasks, each once; while the ledger is not there nobody knows', async () => {
  const ledger = fakeLedger();
  const holders = principalHolders(principalOf('alice', { tasks: ['a', 'b'] }));
  expect(holders).toHaveLength(2);
  expect(await leaveLabels(ledger, holders, ['private'], NOW_MS)).toBe(true);
  expect(labelsOf(ledger, holders)()).toEqual(['private']);
  expect(labelsOf(ledger, principalHolders(principalOf('alice', { tasks: ['b'] })))()).toEqual(['private']);
  expect(labelsOf(ledger, principalHolders(principalOf('bob', { tasks: ['b'] })))()).toEqual([]);
  ledger.broken = true;
  expect(labelsOf(ledger, holders)()).toBeNull();
});

test('a label that is left again lasts longer, and is not stored each time', async () => {
  const untils: number[] = [];
  const ledger = {
    ...fakeLedger(),
    leave: (_: string, __: readonly string[], untilMs: number) => Promise.resolve(untils.push(untilMs) > 0),
  };
  for (const afterMs of [0, 1, LIMITS.labelStepMs]) await leaveLabels(ledger, ['h'], ['x'], NOW_MS + afterMs);
  const [first = 0, second, third = 0] = untils;
  expect(first).toBeGreaterThanOrEqual(NOW_MS + LIMITS.sessionTtlMs);
  expect(second).toBe(first);
  expect(third - first).toBe(LIMITS.labelStepMs);
});

test('what cannot be stored is said; nothing to leave is nothing to store', async () => {
  const ledger = fakeLedger();
  ledger.broken = true;
  expect(await leaveLabels(ledger, ['h'], ['x'], NOW_MS)).toBe(false);
  expect(await leaveLabels(ledger, ['h'], [], NOW_MS)).toBe(true);
});
