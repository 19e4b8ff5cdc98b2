// Decides what a session token says: who may hold it, which key sealed it, and whether it still counts.
import { createSecretKey, hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ChanceryError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { decodePayload, encodePayload } from './payload.ts';
import { openBytes, SEALING_BYTES, sealBytes } from './sealing.ts';
import type { OpenFailure, SealingKey, SessionState } from './types.ts';

const PREFIX = 'chs1';
const KEY_BYTES = 32;
const TOKEN_ID_BYTES = 16;
const KID = /^[A-Za-z0-9_-]{1,64}$/;
/** `chs1.<kid>.<base64url>`: visible ASCII, as MCP 2025-11-25 demands of a session id. */
const TOKEN = /^chs1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]+)$/;

export type OpenResult =
  | { readonly ok: true; readonly state: SessionState }
  | { readonly ok: false; readonly reason: OpenFailure };

export interface SealedSession {
  readonly token: string;
  /** How many of the state's backends, from the first, are in the token; the others belong into the side table. */
  readonly kept: number;
}

export interface SessionCodec {
  /** 16 fresh random bytes, base64url. */
  newTokenId(): string;
  /**
   * Seals with the last active key. What does not fit goes in this order: members of `clientInfo` but name and version,
   * then backends from the end.
   * @throws ChanceryError `invalid_params` when the client's capabilities alone are too large, `not_ready` without a key.
   */
  seal(state: SessionState): SealedSession;
  /** Opens with whichever key sealed it. An opened token is remembered; its expiry is looked at every time. Total. */
  open(token: string): OpenResult;
}

export interface SessionCodecOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly cacheEntriesMax?: number;
}

/**
 * A codec over one set of keys. Keys are imported here, once; make a new codec when the keys change, so that a token
 * of a withdrawn key is forgotten with its key.
 * @throws Error when a key is not 32 bytes or its kid is not 1 to 64 of [A-Za-z0-9_-].
 */
export function createSessionCodec(keys: readonly SealingKey[], options: SessionCodecOptions): SessionCodec {
  const imported = new Map<string, KeyObject>(keys.map((key) => [key.kid, importKey(key)]));
  const sealingKid = keys.findLast((key) => key.active)?.kid;
  const opened = new LRUCache<string, SessionState>({ max: options.cacheEntriesMax ?? LIMITS.tokenCacheEntriesMax });

  const seal = (state: SessionState): SealedSession => {
    const key = sealingKid === undefined ? undefined : imported.get(sealingKid);
    if (key === undefined) throw new ChanceryError('not_ready', { reason: 'there is no active session key' });
    const head = `${PREFIX}.${sealingKid}`;
    const bytesMax = Math.floor(((LIMITS.sessionTokenBytesMax - head.length - 1) * 3) / 4) - SEALING_BYTES;
    let payload = encodePayload(state, bytesMax);
    if (payload === null || payload.kept < state.backends.length) {
      payload = encodePayload({ ...state, clientInfo: nameAndVersion(state.clientInfo) }, bytesMax);
    }
    if (payload === null) {
      throw new ChanceryError('invalid_params', { detail: 'the client capabilities do not fit a session token' });
    }
    const sealed = sealBytes(key, payload.bytes, Buffer.from(head), options.randomBytes);
    return { token: `${head}.${sealed.toString('base64url')}`, kept: payload.kept };
  };

  const open = (token: string): OpenResult => {
    if (token.length > LIMITS.sessionTokenBytesMax) return { ok: false, reason: 'malformed' };
    const digest = hash('sha256', token, 'base64');
    let state = opened.get(digest);
    if (state === undefined) {
      const result = decrypt(imported, token);
      if (!result.ok) return result;
      state = result.state;
      opened.set(digest, state);
    }
    if (options.now() >= state.expiresAtMs) {
      opened.delete(digest);
      return { ok: false, reason: 'expired' };
    }
    return { ok: true, state };
  };

  return { newTokenId: () => options.randomBytes(TOKEN_ID_BYTES).toString('base64url'), seal, open };
}

function decrypt(keys: ReadonlyMap<string, KeyObject>, token: string): OpenResult {
  const [, kid = '', body = ''] = TOKEN.exec(token) ?? [];
  const sealed = Buffer.from(body, 'base64url');
  // Buffer reads more than one spelling of the same bytes; only the one that we wrote is our token.
  if (sealed.length < SEALING_BYTES || sealed.toString('base64url') !== body) {
    return { ok: false, reason: 'malformed' };
  }
  const key = keys.get(kid);
  if (key === undefined) return { ok: false, reason: 'unknown_key' };
  const bytes = openBytes(key, sealed, Buffer.from(`${PREFIX}.${kid}`));
  if (bytes === null) return { ok: false, reason: 'forged' };
  const state = decodePayload(bytes);
  return state === null ? { ok: false, reason: 'malformed' } : { ok: true, state };
}

function importKey({ kid, key }: SealingKey): KeyObject {
  if (!KID.test(kid)) throw new Error(`a session key's kid is 1 to 64 of [A-Za-z0-9_-], found ${JSON.stringify(kid)}`);
  const bytes = Buffer.from(key, 'base64url');
  if (bytes.length !== KEY_BYTES) {
    throw new Error(`session key "${kid}" must be ${KEY_BYTES} bytes in base64url, found ${bytes.length} bytes`);
  }
  return createSecretKey(bytes);
}

/** Icons and descriptions are for display; what a backend must be told again is the name and the version. */
function nameAndVersion(info: SessionState['clientInfo']): SessionState['clientInfo'] {
  return Object.fromEntries(Object.entries(info).filter(([key]) => key === 'name' || key === 'version'));
}
