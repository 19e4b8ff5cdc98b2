// Decides whether Envoy carries a call by itself or ext-proc makes it and writes its answer.
import type { ServerVersion } from '../core/catalog/catalog.ts';
import type { Exposure } from '../core/catalog/exposure.ts';
import type { SessionState } from '../core/session/types.ts';
import { asksClient } from './backend/capabilities.ts';

/** `native`: nothing in the answer has to change, so it costs nothing. `composed`: ids in it are mapped on the way. */
export type Lane = 'native' | 'composed';

/** A surface with one backend is transparent: it speaks to its client as if nobody stood between them. */
export function isTransparent({ backends }: Pick<Exposure, 'backends'>): boolean {
  return backends.length === 1;
}

/** Of a call of the legacy era to a server of the legacy era. */
export function laneOf(exposure: Exposure, session: SessionState, version: ServerVersion): Lane {
  if (isTransparent(exposure)) return 'native';
  // Two backends may ask with the same id, and number their events alike.
  return asksClient(session.clientCapabilities) || version.discovered?.eventIds === true ? 'composed' : 'native';
}
