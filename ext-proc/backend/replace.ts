// Decides which backend session takes the place of one that a backend answered not to know.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { ChanceryError } from '../../core/errors.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import { openInto } from './lookup.ts';
import { lives } from './repair.ts';
import { backendVersion } from './version.ts';

/**
 * Null: the session answers, so it was the message that was refused. With the rules of repair.ts, for calls that we make
 * ourselves.
 * @throws ChanceryError
 */
export async function replaceLost(
  gateway: Gateway,
  session: SessionState,
  version: ServerVersion,
  dead: string,
): Promise<string | null> {
  if (gateway.tombstones.has(session.tokenId)) throw new ChanceryError('session_unknown', { reason: 'ended' });
  if (await lives(gateway, version, dead, backendVersion(version, session))) return null;
  return openInto(gateway, session, version, dead, undefined);
}
