import { expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { meaningOf } from './interrupt.ts';

test.each([
  ['the first signal stops', null, 5_000, 'stop'],
  ['the one that npm passes on means nothing more', 5_000, 5_003, 'same'],
  ['one at the end of that time means nothing more', 5_000, 5_000 + LIMITS.sameInterruptMs, 'same'],
  ['a later one kills', 5_000, 5_001 + LIMITS.sameInterruptMs, 'kill'],
])('%s', (_name, firstMs, nowMs, wanted) => {
  expect(meaningOf(firstMs, nowMs)).toBe(wanted);
});
