import { expect, test } from 'vitest';
import { certifiedIdentity, identityOf } from './identity.ts';

const ID = 'spiffe://example.org/chancery/ext-proc/ext-proc-1';
const NODE = { group: 'ext-proc', id: 'ext-proc-1' };

test.each<[string, string | undefined, typeof NODE | null]>([
  ['one URI names group and node', `URI:${ID}`, NODE],
  ['other names beside it say nothing', `DNS:ext-proc-1, URI:${ID}, IP Address:127.0.0.1`, NODE],
  ['any trust domain', 'URI:spiffe://a-1.b_c/chancery/envoy/edge.1', { group: 'envoy', id: 'edge.1' }],
  ['no certificate', undefined, null],
  ['no names', '', null],
  ['no URI', 'DNS:spiffe.example.org', null],
  ['another path', 'URI:spiffe://example.org/other/ext-proc/ext-proc-1', null],
  ['no node', 'URI:spiffe://example.org/chancery/ext-proc', null],
  ['an empty node', 'URI:spiffe://example.org/chancery/ext-proc/', null],
  ['more behind the node', `URI:${ID}/x`, null],
  ['another scheme', 'URI:https://example.org/chancery/ext-proc/ext-proc-1', null],
  ['no trust domain', 'URI:spiffe:///chancery/ext-proc/ext-proc-1', null],
  ['two URIs: it is not clear who calls', `URI:${ID}, URI:spiffe://example.org/chancery/bridge/b`, null],
  ['one that hides in the quoted text of another', `URI:"http://x, URI:${ID}, y"`, null],
  ['one that hides in a name of another kind', `DNS:"x, URI:${ID}"`, null],
  ['a quoted text is one name, and what is behind it another', `DNS:"x\\", y", URI:${ID}`, NODE],
  ['what cannot be read', 'URI', null],
  ['what cannot be read behind one that can', `URI:${ID}, "`, null],
])('%s', (_name, text, wanted) => {
  expect(identityOf(text)).toEqual(wanted);
});

test('what is no certificate says nothing', () => {
  expect(certifiedIdentity(Buffer.from('-----BEGIN CERTIFICATE-----\nx\n'))).toBeNull();
});
