// Decides how what a secret holds is kept: encrypted under the instance's key, and hashed so that its hash tells nothing.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Document, SecretData } from '../../core/catalog/document.ts';
import { canonicalJson, contentHash } from '../../core/runtime/canonical.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Seal {
  /** Tells whether a database was written with this key; tells nothing of the key. Hex. */
  readonly check: string;
  /** Nonce, tag, ciphertext. */
  seal(name: string, data: SecretData): Buffer;
  /** null: it was sealed with another key or for another name, or was altered. */
  open(name: string, sealed: Buffer): SecretData | null;
  /** Of a document, with what it holds when it is a secret. Hex. */
  hash(document: Document, data: SecretData | null): string;
}

/** @param key 32 bytes, of this use only. */
export function createSeal(key: Buffer, random: (bytes: number) => Buffer = randomBytes): Seal {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), use, KEY_BYTES));
  const [sealing, hashing] = [derive('seal'), derive('hash')];
  // What was sealed for one secret does not open as another one.
  const boundTo = (name: string): Buffer => Buffer.from(`Secret/${name}`);
  return {
    check: derive('check').toString('hex'),
    seal(name, data) {
      const nonce = random(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, sealing, nonce).setAAD(boundTo(name));
      const sealed = Buffer.concat([cipher.update(canonicalJson(data), 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
    },
    open(name, sealed) {
      const [nonce, tag] = [sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)];
      if (tag.length < TAG_BYTES) return null;
      const decipher = createDecipheriv(CIPHER, sealing, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(name)).setAuthTag(tag);
      try {
        const text =
          decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
        return JSON.parse(text) as SecretData;
      } catch {
        return null;
      }
    },
    hash(document, data) {
      if (document.kind !== 'Secret') return contentHash(document);
      // Keyed: of a short secret, everybody who may read an entity tag could find the value by trying.
      return createHmac('sha256', hashing).update(canonicalJson({ document, data })).digest('hex');
    },
  };
}
