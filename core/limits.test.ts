import { expect, test } from 'vitest';
import { LIMITS } from './limits.ts';

test.each(Object.entries(LIMITS))('%s is a whole number with its unit in its name', (name, value) => {
  expect(Number.isSafeInteger(value)).toBe(true);
  expect(value).toBeGreaterThan(0);
  // Milliseconds, a bound, or what is counted.
  expect(name).toMatch(/(Ms|Max|Min|Failures)$/);
});

test('what a session token may be long fits what carries it', () => {
  // Envoy's default for all request headers is 60 KiB, Node's for all of a gRPC call's is 16 KiB.
  expect(LIMITS.sessionTokenBytesMax + LIMITS.requestIdBytesMax * 2 + LIMITS.bearerBytesMax).toBeLessThan(16 * 1024);
});
