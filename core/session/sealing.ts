// Decides how bytes are sealed under a key: AES-256-GCM, with what they are for as associated data.
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
export const SEALING_BYTES = IV_BYTES + TAG_BYTES;

/** Nonce, ciphertext, tag. */
export function sealBytes(
  key: KeyObject,
  plain: Buffer,
  associated: Buffer,
  randomBytes: (size: number) => Buffer,
): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated);
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** null: not sealed with this key for this purpose. */
export function openBytes(key: KeyObject, sealed: Buffer, associated: Buffer): Buffer | null {
  if (sealed.length < SEALING_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const start = decipher.update(sealed.subarray(IV_BYTES, sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch {
    return null;
  }
}
