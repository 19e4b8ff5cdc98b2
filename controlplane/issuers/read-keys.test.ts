import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { metadataUrls, readKeys } from './read-keys.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const PUBLIC = { ...(publicKey.export({ format: 'jwk' }) as JsonObject), kid: 'a' };
const ISSUER = 'https://login.example/tenant';

/** An issuer that answers so; asked for anything else, it has nothing. */
const fetching = (answers: Readonly<Record<string, JsonObject>>) => async (url: string) => {
  const found = answers[url];
  if (found === undefined) throw new Error(`${url}: HTTP 404, wanted 200`);
  return found;
};
const KEYS = { 'https://login.example/keys': { keys: [PUBLIC] } };
const metadata = (over: JsonObject = {}) => ({ issuer: ISSUER, jwks_uri: 'https://login.example/keys', ...over });

test('the addresses of metadata, in the order in which they are asked', () => {
  expect(metadataUrls(ISSUER)).toEqual([
    'https://login.example/.well-known/oauth-authorization-server/tenant',
    'https://login.example/.well-known/openid-configuration/tenant',
    'https://login.example/tenant/.well-known/openid-configuration',
  ]);
  expect(metadataUrls('https://a.example/')).toEqual([
    'https://a.example/.well-known/oauth-authorization-server',
    'https://a.example/.well-known/openid-configuration',
  ]);
});

describe('keys are found', () => {
  test.each([...metadataUrls(ISSUER)])('by %s', async (url) => {
    expect(await readKeys({ issuer: ISSUER }, fetching({ [url]: metadata(), ...KEYS }))).toEqual([PUBLIC]);
  });
  test('where the document says that they are, without metadata', async () => {
    const source = { issuer: ISSUER, jwksUri: 'https://login.example/keys' };
    expect(await readKeys(source, fetching(KEYS))).toEqual([PUBLIC]);
  });
});

const [FIRST = ''] = metadataUrls(ISSUER);
const REFUSED: readonly [string, Readonly<Record<string, JsonObject>>, string][] = [
  ['metadata of another issuer', { [FIRST]: metadata({ issuer: `${ISSUER}/` }) }, 'its metadata are of another issuer'],
  ['metadata without keys', { [FIRST]: { issuer: ISSUER } }, 'its jwks_uri is not an https URL'],
  ['keys in the clear', { [FIRST]: metadata({ jwks_uri: 'http://login.example/keys' }) }, 'not an https URL'],
  ['keys on this machine', { [FIRST]: metadata({ jwks_uri: 'http://127.0.0.1/keys' }) }, 'not an https URL'],
  ['nothing at all', {}, 'HTTP 404'],
  ['no key set', { [FIRST]: metadata(), 'https://login.example/keys': { keys: {} } }, 'not a JSON Web Key Set'],
  [
    'too many keys',
    { [FIRST]: metadata(), 'https://login.example/keys': { keys: Array(LIMITS.issuerKeysMax + 1).fill(PUBLIC) } },
    `has ${LIMITS.issuerKeysMax + 1} keys`,
  ],
];
test.each(REFUSED)('%s is a failure that says why', async (_, answers, why) => {
  await expect(readKeys({ issuer: ISSUER }, fetching(answers))).rejects.toThrow(why);
});

const OTHERS: readonly [string, unknown][] = [
  ['a private key', { ...privateKey.export({ format: 'jwk' }), kid: 'p' }],
  ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
  ['a key for encryption', { ...PUBLIC, use: 'enc' }],
  ['a kind that is not understood', { kty: 'XYZ' }],
  ['half a key', { kty: 'EC', crv: 'P-256', x: 'AA' }],
  ['no object', 'key'],
];
test.each(OTHERS)('%s in the set is passed over', async (_, other) => {
  const keys = { keys: [other, { ...PUBLIC, more: 'x5c' }] } as unknown as JsonObject;
  const source = { issuer: ISSUER, jwksUri: 'https://login.example/keys' };
  expect(await readKeys(source, fetching({ 'https://login.example/keys': keys }))).toEqual([PUBLIC]);
});
