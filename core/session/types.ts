// Decides what a session token carries.
import type { JsonObject } from '../json.ts';

/** One backend's session as its `initialize` gave it. */
export interface BackendSession {
  readonly server: string;
  readonly version: string;
  /** As the egress listener returned it (for a pinned replica Envoy's envelope around the id); '' when it gave none. */
  readonly sessionId: string;
}

/** Everything that a session of the legacy era needs. It never changes after `initialize`. */
export interface SessionState {
  /** 16 random bytes, base64url. Names the session in tombstones, side table and log. */
  readonly tokenId: string;
  readonly surface: string;
  readonly issuer: string;
  readonly subject: string;
  readonly protocolVersion: string;
  /** As the client declared them; what a backend is initialised with again. */
  readonly clientCapabilities: JsonObject;
  readonly clientInfo: JsonObject;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly backends: readonly BackendSession[];
}

/** A key as the catalog holds it (there `SessionKey`). Secret. */
export interface SealingKey {
  readonly kid: string;
  /** 32 bytes, base64url. */
  readonly key: string;
  readonly active: boolean;
}

export type OpenFailure = 'malformed' | 'unknown_key' | 'forged' | 'expired';
