// Decides whether a certificate and its key are such as Envoy loads: one that it refuses would hold up others beside it.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;
/** What Envoy's own TLS (BoringSSL) takes for a certificate that it shows. */
const RSA_BITS_MIN = 2048;
const CURVES: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** One sentence; null when each of its blocks is a certificate. Never quotes it. */
export function certificatesProblem(pem: string): string | null {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return 'wanted a PEM with "-----BEGIN CERTIFICATE-----" and its end';
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1;
  const bad = blocks.findIndex((block) => readCertificate(block) === null);
  if (bad === -1 && begun === blocks.length) return null;
  const place = begun === 1 ? 'it' : `certificate ${bad === -1 ? blocks.length + 1 : bad + 1} of ${begun}`;
  return `${place} cannot be read: is the PEM whole, as it was issued?`;
}

/** One sentence about the member that is wrong; null when the key belongs to the first certificate. Never quotes them. */
export function keyPairProblem(
  certificate: string,
  privateKey: string,
): { readonly member: 'certificate' | 'privateKey'; readonly message: string } | null {
  const unread = certificatesProblem(certificate);
  if (unread !== null) return { member: 'certificate', message: unread };
  if (!privateKey.includes('-----BEGIN '))
    return { member: 'privateKey', message: 'wanted a PEM with "-----BEGIN PRIVATE KEY-----"' };
  if (/ENCRYPTED/.test(privateKey))
    return { member: 'privateKey', message: 'it is encrypted: give it without a passphrase' };
  const key = readKey(privateKey);
  if (key === null)
    return { member: 'privateKey', message: 'it cannot be read: wanted the PEM of one private key, whole' };
  const weakness = weaknessOf(key);
  if (weakness !== null) return { member: 'privateKey', message: weakness };
  const own = readCertificate((certificate.match(CERTIFICATE) ?? [])[0] ?? '');
  if (own?.checkPrivateKey(key)) return null;
  return { member: 'privateKey', message: 'it is not the key of the (first) certificate' };
}

function weaknessOf({ asymmetricKeyType: type, asymmetricKeyDetails: details = {} }: KeyObject): string | null {
  if (type === 'rsa') {
    const { modulusLength = 0 } = details;
    return modulusLength >= RSA_BITS_MIN
      ? null
      : `an RSA key has at least ${RSA_BITS_MIN} bits, found ${modulusLength}`;
  }
  if (type === 'ec')
    return CURVES.includes(details.namedCurve)
      ? null
      : `the curve of an EC key is P-256, P-384 or P-521, found ${details.namedCurve}`;
  return type === 'ed25519' ? null : `a key is RSA, EC or Ed25519, found ${type}`;
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function readKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
