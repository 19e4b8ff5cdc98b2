// Decides what the small sealed texts are that a client holds beside its session: cursors, event ids, request ids, task ids, request states.
import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { LIMITS } from '../limits.ts';
import { openBytes, sealBytes } from './sealing.ts';
import type { OpenFailure, SealingKey } from './types.ts';

/** Each kind has a key of its own, so that one is never taken for another. The letter begins the text. */
const KINDS = { request: 'r', event: 'e', cursor: 'c', state: 's', task: 't' } as const;
export type HandleKind = keyof typeof KINDS;

/** Whose it is: it opens for nobody else, and on no other surface. */
export interface HandleOwner {
  readonly surface: string;
  readonly issuer: string;
  readonly subject: string;
}

/** What a handle carries: JSON texts and numbers, small. */
export type HandlePayload = readonly (string | number)[];

export type OpenedHandle =
  | { readonly ok: true; readonly payload: HandlePayload }
  | { readonly ok: false; readonly reason: OpenFailure };

export interface HandleCodec {
  /** Visible ASCII without separators of headers or URIs: `ch<letter>1.<kid>.<base64url>`. @throws Error without a key. */
  seal(kind: HandleKind, owner: HandleOwner, payload: HandlePayload, expiresAtMs: number): string;
  /** Total. */
  open(kind: HandleKind, owner: HandleOwner, text: string): OpenedHandle;
}

export interface HandleCodecOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
}

const HANDLE = /^ch([a-z])1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]+)$/;
const KEY_BYTES = 32;

/** Over the keys of session tokens, from which these are derived, once each (RFC 5869; `info` binds a key to its use). */
export function createHandleCodec(keys: readonly SealingKey[], options: HandleCodecOptions): HandleCodec {
  const derived = new Map<string, KeyObject>();
  const keyOf = (kind: HandleKind, kid: string): KeyObject | null => {
    const name = `${kind} ${kid}`;
    const known = derived.get(name);
    if (known !== undefined) return known;
    const master = keys.find((key) => key.kid === kid);
    if (master === undefined) return null;
    const bytes = hkdfSync('sha256', Buffer.from(master.key, 'base64url'), '', `chancery handle ${kind} v1`, KEY_BYTES);
    const key = createSecretKey(Buffer.from(bytes));
    derived.set(name, key);
    return key;
  };
  return {
    seal(kind, owner, payload, expiresAtMs) {
      const kid = keys.findLast((key) => key.active)?.kid;
      const key = kid === undefined ? null : keyOf(kind, kid);
      if (key === null) throw new Error('there is no active session key');
      const plain = Buffer.from(JSON.stringify([expiresAtMs, ...payload]));
      const head = `ch${KINDS[kind]}1.${kid}`;
      return `${head}.${sealBytes(key, plain, associated(head, owner), options.randomBytes).toString('base64url')}`;
    },
    open(kind, owner, text) {
      if (text.length > LIMITS.handleCharsMax) return { ok: false, reason: 'malformed' };
      const [, letter, kid = '', body = ''] = HANDLE.exec(text) ?? [];
      const sealed = Buffer.from(body, 'base64url');
      // Buffer reads more than one spelling of the same bytes; only the one that we wrote is ours.
      if (letter !== KINDS[kind] || sealed.toString('base64url') !== body) return { ok: false, reason: 'malformed' };
      const key = keyOf(kind, kid);
      if (key === null) return { ok: false, reason: 'unknown_key' };
      const plain = openBytes(key, sealed, associated(`ch${letter}1.${kid}`, owner));
      if (plain === null) return { ok: false, reason: 'forged' };
      const [expiresAtMs, ...payload] = JSON.parse(plain.toString()) as (string | number)[];
      if (typeof expiresAtMs !== 'number' || options.now() >= expiresAtMs) return { ok: false, reason: 'expired' };
      return { ok: true, payload };
    },
  };
}

/** A digest, so that no owner's name can be made to read as another's. */
function associated(head: string, { surface, issuer, subject }: HandleOwner): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([head, surface, issuer, subject]))
    .digest();
}
