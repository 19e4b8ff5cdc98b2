// Decides where the one master key lies, and how keys for one use each come from it.
import { hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import { KeyError, openPrivateFile } from './private-file.ts';

const KEY_BYTES = 32;

/** RFC 5869 §3.2: `info` binds a key to its use, so that one tells nothing of another from the same master key. */
const INFO = {
  sessions: 'chancery session token v1',
  registry: 'chancery registry secrets v1',
  identity: 'chancery identity keys v1',
} as const;

function masterKeyPath(home: string): string {
  return join(home, 'master.key');
}

/** Makes it at the first start. @throws KeyError */
export function openMasterKey(home: string, random: (bytes: number) => Buffer): Buffer {
  const path = masterKeyPath(home);
  const text = openPrivateFile(path, () => `${random(KEY_BYTES).toString('base64url')}\n`).trim();
  const master = Buffer.from(text, 'base64url');
  if (master.length !== KEY_BYTES || master.toString('base64url') !== text) {
    throw new KeyError(
      `${path} does not hold ${KEY_BYTES} bytes in base64url: restore it (without it the secrets in the registry are lost, and open sessions end)`,
    );
  }
  return master;
}

export function deriveKey(master: Buffer, use: keyof typeof INFO): Buffer {
  return Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), INFO[use], KEY_BYTES));
}
