// Decides how the keys that seal session tokens come from the one master key.
import { createHash, hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import type { SessionKey } from '../../core/catalog/catalog.ts';
import { KeyError, openPrivateFile } from './private-file.ts';

const KEY_BYTES = 32;
const KID_HEX_CHARS = 8;
/** RFC 5869 §3.2: `info` binds a key to its use, so that other keys can come from the same master key. */
const INFO = 'chancery session token v1';

export function masterKeyPath(home: string): string {
  return join(home, 'master.key');
}

/** Makes the master key at the first start. @throws KeyError */
export function openSessionKeys(home: string, random: (bytes: number) => Buffer): readonly SessionKey[] {
  const path = masterKeyPath(home);
  const text = openPrivateFile(path, () => `${random(KEY_BYTES).toString('base64url')}\n`).trim();
  const master = Buffer.from(text, 'base64url');
  if (master.length !== KEY_BYTES || master.toString('base64url') !== text) {
    throw new KeyError(
      `${path} does not hold ${KEY_BYTES} bytes in base64url: restore it, or remove it (open sessions end then)`,
    );
  }
  return [deriveSessionKey(master)];
}

export function deriveSessionKey(master: Buffer): SessionKey {
  const key = Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), INFO, KEY_BYTES));
  const kid = createHash('sha256').update(key).digest('hex').slice(0, KID_HEX_CHARS);
  return { kid, key: key.toString('base64url'), active: true };
}
