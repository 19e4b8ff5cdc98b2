// Decides which keys sign what the gateway tells servers of their callers, and when one follows another.
import { createPrivateKey, createPublicKey, hash, hkdfSync } from 'node:crypto';
import type { IdentityKey } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { deriveKey } from './master-key.ts';

/** RFC 8410 §7: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;
const KID_HEX_CHARS = 16;

export interface IdentityKeys {
  /** Those of the period before, of this one, which signs, and of the next, in this order. The same list for one period. */
  at(nowMs: number): readonly IdentityKey[];
}

/**
 * A key for each period, derived from the master key: nothing is stored, and every control plane has the same. Who verifies
 * knows the next one before it signs, and the last one for as long as anything that it signed is good.
 */
export function deriveIdentityKeys(master: Buffer): IdentityKeys {
  let last: { readonly period: number; readonly keys: readonly IdentityKey[] } | null = null;
  return {
    at(nowMs) {
      const period = Math.floor(nowMs / LIMITS.identityKeyPeriodMs);
      if (last?.period !== period) {
        const keys = [period - 1, period, period + 1].map((each) => keyOf(master, each, each === period));
        last = { period, keys };
      }
      return last.keys;
    },
  };
}

function keyOf(master: Buffer, period: number, active: boolean): IdentityKey {
  const info = `chancery identity key v1 ${period}`;
  const seed = Buffer.from(hkdfSync('sha256', deriveKey(master, 'identity'), Buffer.alloc(0), info, SEED_BYTES));
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { kid: hash('sha256', x, 'hex').slice(0, KID_HEX_CHARS), x, d: seed.toString('base64url'), active };
}
