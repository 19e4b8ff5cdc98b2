// Decides which backend session a call uses: the replacement of a dead one, the one in the token, or a new one.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { ChanceryError } from '../../core/errors.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import { isTransparent } from '../lane.ts';
import { viewOf } from '../view.ts';
import { passedCapabilities } from './capabilities.ts';
import { openBackend } from './open.ts';
import { restore } from './restore.ts';

/** What is known now, without asking anybody; null when there is no session yet. */
export function knownSession(gateway: Gateway, session: SessionState, version: ServerVersion): string | null {
  const replaced = gateway.side.get(session.tokenId, version.cluster);
  if (replaced !== undefined) return replaced.sessionId;
  const sealed = session.backends.find(
    (backend) => backend.server === version.name && backend.version === version.version,
  );
  return sealed?.sessionId ?? null;
}

/**
 * The known session at once, else a new one: the backend was down at `initialize`, did not fit into the token, or joined
 * the surface since.
 * @throws ChanceryError backend_unavailable
 */
export function backendSession(
  gateway: Gateway,
  session: SessionState,
  version: ServerVersion,
): string | Promise<string> {
  return knownSession(gateway, session, version) ?? openInto(gateway, session, version, undefined, undefined);
}

/** Opens a session for the side table, once for all who ask at the same time. `dead` is the one it replaces. */
export async function openInto(
  gateway: Gateway,
  session: SessionState,
  version: ServerVersion,
  dead: string | undefined,
  replica: string | undefined,
): Promise<string> {
  const logged = { server: version.name, version: version.version, session: session.tokenId };
  const open = async (): Promise<string> => {
    const opened = await openBackend(gateway.egress, {
      version,
      protocolVersion: session.protocolVersion,
      clientInfo: session.clientInfo,
      capabilities: passedCapabilities(session, transparentFor(gateway, session)),
      ...(replica === undefined ? {} : { replica }),
    });
    if (!opened.ok) {
      gateway.log.warn({ ...logged, why: opened.why }, 'a backend session could not be opened');
      throw new ChanceryError('backend_unavailable', { detail: version.name, reason: opened.why });
    }
    gateway.log.info({ ...logged, replaced: dead !== undefined }, 'a backend session was opened');
    await restore(gateway, session, version, opened.sessionId);
    return opened.sessionId;
  };
  return (await gateway.side.open(session.tokenId, version.cluster, open, dead)).sessionId;
}

/** Whether the session's surface has one backend now; of a surface that is gone nothing is transparent. */
function transparentFor(gateway: Gateway, session: SessionState): boolean {
  const catalog = gateway.catalog();
  const surface = catalog?.surfaces.get(session.surface);
  return catalog !== null && surface !== undefined && isTransparent(viewOf(catalog, surface, session));
}
