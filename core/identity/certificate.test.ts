import { expect, test } from 'vitest';
import { principalOfCertificate } from './certificate.ts';

test('a SPIFFE id is a subject of its trust domain until the certificate ends', () => {
  expect(principalOfCertificate('spiffe://corp.example/agent/a', '5')).toMatchObject({
    ...{ issuer: 'spiffe://corp.example', subject: 'spiffe://corp.example/agent/a' },
    ...{ kind: 'certificate', expiresAtMs: 5_000, groups: [], scopes: [], tasks: [], agent: null },
  });
});

const NOBODY: readonly [string, string, string][] = [
  ['no name', '', '5'],
  ["Envoy's word for none", '-', '5'],
  ['two names', 'spiffe://a/b,spiffe://c/d', '5'],
  ['no host', 'spiffe:///b', '5'],
  ['a name without a scheme', 'urn:a:b', '5'],
  ['a space', 'spiffe://a/b c', '5'],
  ['more than a name has', `spiffe://a/${'b'.repeat(2048)}`, '5'],
  ['no end', 'spiffe://a/b', '-'],
];
test.each(NOBODY)('%s is nobody', (_, uri, end) => {
  expect(principalOfCertificate(uri, end)).toBeNull();
});
