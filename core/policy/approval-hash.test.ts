import { expect, test } from 'vitest';
import { type Approvable, approvalHash, canonicalText } from './approval-hash.ts';

const CALL: Approvable = {
  surface: 'default',
  issuer: 'https://a.example',
  subject: 'alice',
  server: 'payments',
  version: '1',
  kind: 'tool',
  name: 'refund',
  args: { amount: 5, to: { b: 1, a: 2 } },
};

test('the order of keys does not matter', () => {
  expect(approvalHash({ ...CALL, args: { to: { a: 2, b: 1 }, amount: 5 } })).toBe(approvalHash(CALL));
});

test.each<[string, Partial<Approvable>]>([
  ['another surface', { surface: 'ops' }],
  ['another caller', { subject: 'bob' }],
  ['another issuer', { issuer: 'https://b.example' }],
  ['another tool', { name: 'refunds' }],
  ['another server', { server: 'payment' }],
  ['another version of the server', { version: '2' }],
  ['another amount', { args: { amount: 6, to: { b: 1, a: 2 } } }],
  ['a string for the number', { args: { amount: '5', to: { b: 1, a: 2 } } }],
  ['one more argument', { args: { amount: 5, to: { b: 1, a: 2 }, x: null } }],
  ['the last digit of a big integer', { args: { amount: 9007199254740993n } }],
  ['parts that only together read alike', { server: 'paymentsr', name: 'efund' }],
])('%s is another approval', (_name, over) => {
  expect(approvalHash({ ...CALL, ...over })).not.toBe(approvalHash(CALL));
  expect(approvalHash({ ...CALL, args: { amount: 9007199254740992n } })).not.toBe(approvalHash({ ...CALL, ...over }));
});

test('a canonical text has sorted keys and all digits', () => {
  expect(canonicalText({ b: [1, 9007199254740993n, 'x'], a: { d: null, c: true } })).toBe(
    '{"a":{"c":true,"d":null},"b":[1,9007199254740993,"x"]}',
  );
});
