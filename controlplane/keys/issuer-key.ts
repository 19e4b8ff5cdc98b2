// Decides what the key of the local issuer of bearer tokens looks like, and which part of it is public.
import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { CatalogIssuer } from '../../core/catalog/catalog.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { KeyError, openPrivateFile, readPrivateFile } from './private-file.ts';

export const ISSUER_ALGORITHM = 'ES256';

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const issuerKeySchema = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: coordinate,
  y: coordinate,
  /** Secret. */
  d: coordinate,
  kid: z.string().min(1).max(128),
  alg: z.literal(ISSUER_ALGORITHM),
  use: z.literal('sig'),
});

/** A private JSON Web Key. Secret. */
export type IssuerKey = z.output<typeof issuerKeySchema>;

export function issuerKeyPath(home: string): string {
  return join(home, 'issuer.key.json');
}

/** Makes it at the first start. @throws KeyError */
export function openIssuerKey(home: string): IssuerKey {
  const path = issuerKeyPath(home);
  return read(
    path,
    openPrivateFile(path, () => `${JSON.stringify(makeIssuerKey())}\n`),
  );
}

/** null when there is none yet. @throws KeyError */
export function readIssuerKey(home: string): IssuerKey | null {
  const path = issuerKeyPath(home);
  const text = readPrivateFile(path);
  return text === null ? null : read(path, text);
}

/** What the services verify tokens with. */
export function issuerOf(key: IssuerKey, publicUrl: string): CatalogIssuer {
  const { d: _secret, ...publicKey } = key;
  return { name: 'local', issuer: publicUrl, algorithms: [ISSUER_ALGORITHM], jwks: { keys: [publicKey] } };
}

function makeIssuerKey(): IssuerKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y, d } = privateKey.export({ format: 'jwk' });
  // RFC 7638 §3.2: the required members in lexicographic order, without white space.
  const kid = createHash('sha256').update(canonicalJson({ crv, kty, x, y })).digest('base64url');
  return issuerKeySchema.parse({ kty, crv, x, y, d, kid, alg: ISSUER_ALGORITHM, use: 'sig' });
}

function read(path: string, text: string): IssuerKey {
  try {
    const key = issuerKeySchema.parse(JSON.parse(text));
    createPrivateKey({ key, format: 'jwk' });
    return key;
  } catch {
    // The cause may quote the key.
    throw new KeyError(
      `${path} does not hold a private ES256 key: restore it, or remove it (tokens that it signed end then)`,
    );
  }
}
