// Decides which backend session a call uses: the replacement of a dead one, the one in the token, or a new one.
import type { CatalogServer } from '../../core/catalog/catalog.ts';
import { ChanceryError } from '../../core/errors.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import { openBackend } from './open.ts';

/** What is known now, without asking anybody; null when there is no session yet. */
export function knownSession(gateway: Gateway, session: SessionState, server: CatalogServer): string | null {
  const replaced = gateway.side.get(session.tokenId, server.name);
  if (replaced !== undefined) return replaced.sessionId;
  const sealed = session.backends.find(
    (backend) => backend.server === server.name && backend.version === server.version,
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
  server: CatalogServer,
): string | Promise<string> {
  return knownSession(gateway, session, server) ?? openInto(gateway, session, server, undefined, undefined);
}

/** Opens a session for the side table, once for all who ask at the same time. `dead` is the one it replaces. */
export async function openInto(
  gateway: Gateway,
  session: SessionState,
  server: CatalogServer,
  dead: string | undefined,
  replica: string | undefined,
): Promise<string> {
  const open = async (): Promise<string> => {
    const opened = await openBackend(gateway.egress, {
      server,
      protocolVersion: session.protocolVersion,
      clientInfo: session.clientInfo,
      ...(replica === undefined ? {} : { replica }),
    });
    if (!opened.ok) {
      gateway.log.warn(
        { server: server.name, session: session.tokenId, why: opened.why },
        'a backend session could not be opened',
      );
      throw new ChanceryError('backend_unavailable', { detail: server.name, reason: opened.why });
    }
    gateway.log.info(
      { server: server.name, session: session.tokenId, replaced: dead !== undefined },
      'a backend session was opened',
    );
    return opened.sessionId;
  };
  return (await gateway.side.open(session.tokenId, server.name, open, dead)).sessionId;
}
