import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseDocument } from '../document.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [PUBLIC, PRIVATE] = [publicKey.export({ format: 'jwk' }), privateKey.export({ format: 'jwk' })];
const issuer = (over: object) => ({ kind: 'Issuer', name: 'corp', issuer: 'https://login.example/tenant', ...over });
const problems = (value: object): string[] => {
  const read = parseDocument(value);
  return 'document' in read ? [] : read.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

const GOOD: readonly [string, object][] = [
  ['with discovery', {}],
  ['with a key set elsewhere', { jwksUri: 'https://login.example/keys?v=2' }],
  ['with its keys in it', { jwks: { keys: [PUBLIC] } }],
  ['on loopback in the clear', { issuer: 'http://127.0.0.1:9000' }],
  ['with claims of other names', { taskClaim: 'https://x.example/tasks', groupsClaim: 'realm_access.roles' }],
];
test.each(GOOD)('an issuer %s can be written', (_, over) => {
  expect(problems(issuer(over))).toEqual([]);
});

const BAD: readonly [string, object, string][] = [
  ['in the clear', { issuer: 'http://login.example' }, 'issuer: wanted an https URL'],
  ['with a query', { issuer: 'https://login.example/?a' }, 'issuer: an issuer has no query'],
  ['with a user', { issuer: 'https://a:b@login.example' }, 'issuer: wanted an https URL'],
  ['with a fragment', { issuer: 'https://login.example/#' }, 'issuer: wanted an https URL'],
  ['that is no URL', { issuer: 'corp' }, 'issuer: wanted an https URL'],
  ['with the name of our own', { name: 'local' }, 'name: "local" is the issuer of "chancery token"'],
  ['with a private key', { jwks: { keys: [PRIVATE] } }, 'jwks.keys.0: this is a private key'],
  ['with a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'AA' }] } }, 'jwks.keys.0: a symmetric key is a secret'],
  ['with half a key', { jwks: { keys: [{ kty: 'EC' }] } }, 'jwks.keys.0: wanted a public key'],
  ['with no key', { jwks: { keys: [] } }, 'jwks.keys: '],
  ['with two places', { jwks: { keys: [PUBLIC] }, jwksUri: 'https://a.example' }, 'jwksUri: give jwks or jwksUri'],
  ['with an algorithm whose key is no secret', { algorithms: ['HS256'] }, 'algorithms.0: '],
  ['without an algorithm', { algorithms: ['none'] }, 'algorithms.0: '],
  ['with a scope that is two', { scopes: ['a b'] }, 'scopes.0: a scope has no spaces'],
];
test.each(BAD)('an issuer %s is refused', (_, over, wanted) => {
  const found = problems(issuer(over));
  expect(found.some((problem) => problem.startsWith(wanted))).toBe(true);
  expect(found.join()).not.toContain(String(PRIVATE.d));
});

test.each<[string, object, string[]]>([
  ['of a subject', { subject: 'alice' }, []],
  ['of a token', { jti: 'a', issuer: 'https://a.example' }, []],
  ['of nothing', {}, [': give subject or jti']],
  ['of both', { subject: 'a', jti: 'b' }, [': give subject or jti']],
  ['until some time', { subject: 'a', until: 'tomorrow' }, ['until: Invalid ISO datetime']],
])('a revocation %s', (_, over, wanted) => {
  expect(problems({ kind: 'Revocation', name: 'r', until: '2027-01-01T00:00:00Z', ...over })).toEqual(wanted);
});
