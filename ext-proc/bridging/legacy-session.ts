// Decides which session at a legacy server the calls of a modern client go to: one for each principal, for what the client declares and how it wants to hear the log.
import { hash } from 'node:crypto';
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { ChanceryError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { LATEST_LEGACY_VERSION } from '../../core/mcp/versions.ts';
import { hasLogging, tellLevel } from '../backend/level.ts';
import { openBackend } from '../backend/open.ts';
import { lives } from '../backend/repair.ts';
import { backendVersion } from '../backend/version.ts';
import type { Gateway } from '../gateway.ts';

/** What a request of the modern era says of its client. */
export interface Declared {
  /** A text that no two principals share, on any surface. */
  readonly owner: string;
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject;
  /** Null: it does not want to hear what the server logs. */
  readonly logLevel: string | null;
}

/** Never shared between principals. The level is in it, since a server has one for each of its sessions. */
export function sessionKey({ owner, capabilities, logLevel }: Declared): string {
  return hash('sha256', JSON.stringify(['bridged', owner, capabilities, logLevel]), 'base64url');
}

/** The version in which it is spoken to. */
export function legacyVersion(version: ServerVersion): string {
  return backendVersion(version, { protocolVersion: LATEST_LEGACY_VERSION });
}

/**
 * Kept among the sessions that replaced dead ones, where the one that was used last stays. `dead`: it is replaced by a new
 * one, once for all who ask.
 * @throws ChanceryError backend_unavailable
 */
export async function legacySession(
  gateway: Gateway,
  version: ServerVersion,
  declared: Declared,
  dead?: string,
): Promise<string> {
  const open = async (): Promise<string> => openLegacy(gateway, version, declared);
  return (await gateway.side.open(sessionKey(declared), version.cluster, open, dead)).sessionId;
}

/** A new one, which nobody else has. @throws ChanceryError backend_unavailable */
export async function openLegacy(gateway: Gateway, version: ServerVersion, declared: Declared): Promise<string> {
  const { capabilities, clientInfo, logLevel } = declared;
  const protocolVersion = legacyVersion(version);
  const opened = await openBackend(gateway.egress, { version, protocolVersion, clientInfo, capabilities });
  if (!opened.ok) {
    gateway.log.warn(
      { server: version.name, version: version.version, why: opened.why },
      'a bridged session could not be opened',
    );
    throw new ChanceryError('backend_unavailable', { detail: version.name, reason: opened.why });
  }
  gateway.log.info({ server: version.name, version: version.version }, 'a bridged session was opened');
  if (logLevel === null || !hasLogging(version)) return opened.sessionId;
  const why = await tellLevel(gateway, version, { sessionId: opened.sessionId, protocolVersion }, logLevel);
  // It logs at its own level: the call goes on.
  if (why !== null) gateway.log.info({ server: version.name, why }, 'a server did not take the log level');
  return opened.sessionId;
}

/** A call uses a session of these from now on; the result says that it does so no more. */
export function useSession(
  gateway: Gateway,
  version: ServerVersion,
  declared: Declared,
  sessionId: string,
): () => void {
  if (sessionId === '') return () => {};
  const { cluster, path } = version;
  return gateway.bridges.pool.use({
    key: `${cluster} ${sessionId}`,
    end() {
      const key = sessionKey(declared);
      if (gateway.side.get(key, cluster)?.sessionId === sessionId) gateway.side.drop(key, cluster);
      return gateway.egress.send({
        cluster,
        path,
        method: 'DELETE',
        sessionId,
        protocolVersion: legacyVersion(version),
        idempotent: true,
        deadlineMs: LIMITS.fanoutDeadlineMs,
      });
    },
  });
}

/**
 * Whether a status says that the server does not know the session, so that it did not execute the call. Unknown is 404;
 * some servers say 400, which may also be about the message (see repair.ts).
 */
export async function isLost(
  gateway: Gateway,
  version: ServerVersion,
  sessionId: string,
  status: number,
): Promise<boolean> {
  if (sessionId === '' || (status !== 404 && status !== 400)) return false;
  return !(await lives(gateway, version, sessionId, legacyVersion(version)));
}
