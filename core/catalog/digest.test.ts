import { expect, test } from 'vitest';
import { SetDigest } from './digest.ts';

const digestOf = (...members: (readonly [string, string, string])[]): string => {
  const digest = new SetDigest();
  for (const member of members) digest.toggle(...member);
  return digest.text();
};
const A = ['server', 'a', '1'] as const;
const B = ['surface', 'b', '1'] as const;
const C = ['policy', 'c', '1'] as const;

test('a set has one digest, in whichever order it came', () => {
  expect(digestOf(A, B, C)).toBe(digestOf(C, A, B));
  expect(digestOf(A, B)).toMatch(/^[0-9a-f]{64}$/);
});

test('nothing has the digest of nothing', () => {
  expect(digestOf()).toBe('0'.repeat(64));
});

test('what is taken away again leaves no trace', () => {
  expect(digestOf(A, B, B)).toBe(digestOf(A));
  expect(digestOf(A, A)).toBe(digestOf());
});

test.each<[string, readonly (readonly [string, string, string])[]]>([
  ['a member less', [A, B]],
  ['a member more', [A, B, C, ['server', 'd', '1']]],
  ['another version of one', [A, B, ['policy', 'c', '2']]],
  ['another name of one', [A, B, ['policy', 'd', '1']]],
  ['another kind of one', [A, B, ['issuer', 'c', '1']]],
])('a set with %s has another digest', (_, members) => {
  expect(digestOf(...members)).not.toBe(digestOf(A, B, C));
});
