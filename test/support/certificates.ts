// Decides how tests make authorities and the certificates that they vouch for.
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  type GeneralNameType,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 60 * 60 * 1000;

/** PEM. */
export interface Certified {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Authority {
  readonly ca: Buffer;
  /** @param names e.g. `{type: 'ip', value: '127.0.0.1'}`, `{type: 'url', value: 'spiffe://…'}` */
  certify(names: readonly { readonly type: GeneralNameType; readonly value: string }[]): Promise<Certified>;
}

export async function createAuthority(name = 'test authority'): Promise<Authority> {
  const keys = await newKeys();
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const root = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: '01',
    name: `CN=${name}`,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  let serial = 1;
  return {
    ca: pemOf(root),
    async certify(names) {
      const own = await newKeys();
      serial += 1;
      const cert = await X509CertificateGenerator.create({
        ...validity,
        serialNumber: serial.toString(16).padStart(2, '0'),
        subject: 'CN=test',
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])],
      });
      const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey));
      const key = `-----BEGIN PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END PRIVATE KEY-----\n`;
      return { cert: pemOf(cert), key: Buffer.from(key) };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function pemOf(certificate: X509Certificate): Buffer {
  return Buffer.from(certificate.toString('pem'));
}
