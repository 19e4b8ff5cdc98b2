// Decides whether an opened session belongs to the request that brings it.
import type { SessionState } from './types.ts';

/** For the log only: the caller gets the same 404 for each, as for an unknown session. */
export type SessionMismatch = 'wrong_surface' | 'wrong_principal' | 'ended';

export interface SessionUse {
  readonly surface: string;
  readonly issuer: string;
  readonly subject: string;
  /** Token ids of ended sessions. */
  readonly tombstones: { has(tokenId: string): boolean };
}

/** Null when it does. A session is never an authentication: `issuer` and `subject` come from the verified bearer token. */
export function checkSession(state: SessionState, use: SessionUse): SessionMismatch | null {
  if (state.surface !== use.surface) return 'wrong_surface';
  if (state.issuer !== use.issuer || state.subject !== use.subject) return 'wrong_principal';
  return use.tombstones.has(state.tokenId) ? 'ended' : null;
}
