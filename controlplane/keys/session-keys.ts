// Decides which keys seal session tokens.
import { createHash } from 'node:crypto';
import type { SessionKey } from '../../core/catalog/catalog.ts';
import { deriveKey } from './master-key.ts';

const KID_HEX_CHARS = 8;

export function deriveSessionKey(master: Buffer): SessionKey {
  const key = deriveKey(master, 'sessions');
  const kid = createHash('sha256').update(key).digest('hex').slice(0, KID_HEX_CHARS);
  return { kid, key: key.toString('base64url'), active: true };
}
