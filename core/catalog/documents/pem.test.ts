import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CA, CERTIFICATE, OTHER_KEY, PRIVATE_KEY } from '../../../test/support/pems.ts';
import { certificatesProblem, keyPairProblem } from './pem.ts';

const BROKEN = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';

describe('certificates', () => {
  test.each([
    ['one', CA],
    ['several', `${CERTIFICATE}${CA}`],
    ['with words around them, as tools write them', `subject=a\n${CERTIFICATE}\n# root\n${CA}`],
  ])('are taken: %s', (_, pem) => {
    expect(certificatesProblem(pem)).toBeNull();
  });
  test.each([
    ['nothing', '', 'wanted a PEM with "-----BEGIN CERTIFICATE-----" and its end'],
    ['a key', PRIVATE_KEY, 'wanted a PEM with "-----BEGIN CERTIFICATE-----" and its end'],
    ['one that has no end', CA.replace(/-----END.*/s, ''), 'wanted a PEM with'],
    ['one that is no certificate', BROKEN, 'it cannot be read: is the PEM whole, as it was issued?'],
    ['a good one before a bad one', `${CA}${BROKEN}`, 'certificate 2 of 2 cannot be read'],
    ['a good one before one without an end', `${CA}${CERTIFICATE.slice(0, 60)}`, 'certificate 2 of 2 cannot be read'],
  ])('are refused: %s', (_, pem, problem) => {
    expect(certificatesProblem(pem)).toContain(problem);
  });
});

const pemOf = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('a certificate and its key', () => {
  test('belong together', () => {
    expect(keyPairProblem(CERTIFICATE, PRIVATE_KEY)).toBeNull();
    expect(keyPairProblem(`${CERTIFICATE}${CA}`, PRIVATE_KEY)).toBeNull();
  });
  test.each([
    ['the key of another', OTHER_KEY, 'it is not the key of the (first) certificate'],
    ['no key', 'x', 'wanted a PEM with "-----BEGIN PRIVATE KEY-----"'],
    ['half a key', PRIVATE_KEY.slice(0, 80), 'it cannot be read'],
    ['a certificate', CERTIFICATE, 'it cannot be read'],
    ['an encrypted key', PRIVATE_KEY.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'), 'it is encrypted'],
    [
      'a short RSA key',
      pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
      'an RSA key has at least 2048 bits, found 1024',
    ],
    [
      'a key on a curve that Envoy does not take',
      pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey),
      'the curve of an EC key is P-256, P-384 or P-521, found secp256k1',
    ],
    [
      'a key for another purpose',
      pemOf(generateKeyPairSync('x25519').privateKey),
      'a key is RSA, EC or Ed25519, found x25519',
    ],
  ])('are refused with %s, which is not quoted', (_, key, problem) => {
    const found = keyPairProblem(CERTIFICATE, key);
    expect(found).toMatchObject({ member: 'privateKey', message: expect.stringContaining(problem) });
    expect(found?.message).not.toContain(key.slice(30, 60) || 'x\n');
  });
  test('are refused for the certificate first', () => {
    expect(keyPairProblem(BROKEN, 'x')).toMatchObject({ member: 'certificate' });
  });
});
