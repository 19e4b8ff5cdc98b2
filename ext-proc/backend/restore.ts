// Decides what a new backend session is told that the one before it, or the client's others, knew: the log level, and what is subscribed to.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import { hasLogging, tellLevel } from './level.ts';
import { backendVersion } from './version.ts';

/**
 * What this process heard of the session: the token cannot change. Waited for within LIMITS.restoreWaitMs, since somebody's
 * call waits for the session; what takes longer goes on behind it. Total.
 */
export async function restore(
  gateway: Gateway,
  session: SessionState,
  version: ServerVersion,
  sessionId: string,
): Promise<void> {
  const level = hasLogging(version) ? gateway.bridges.levels.get(session.tokenId) : null;
  const uris = gateway.bridges.subscriptions.of(session.tokenId, version.cluster);
  if (level === null && uris.length === 0) return;
  const at = { sessionId, protocolVersion: backendVersion(version, session) };
  const failed = (what: string, why: string): void =>
    gateway.log.info(
      { server: version.name, session: session.tokenId, what, why },
      'a new backend session lacks something',
    );
  const tell = async (): Promise<void> => {
    if (level === null) return;
    const why = await tellLevel(gateway, version, at, level);
    if (why !== null) failed('log level', why);
  };
  const waiting = [...uris];
  const subscribe = async (): Promise<void> => {
    for (let uri = waiting.pop(); uri !== undefined; uri = waiting.pop()) {
      const answer = await gateway.egress.send({
        cluster: version.cluster,
        path: version.path,
        method: 'POST',
        ...at,
        body: JSON.stringify({ jsonrpc: '2.0', id: 'subscribe', method: 'resources/subscribe', params: { uri } }),
        idempotent: true,
        deadlineMs: LIMITS.fanoutDeadlineMs,
      });
      if (!answer.ok) failed('subscription', answer.why);
    }
  };
  const width = Math.min(uris.length, LIMITS.restoreWidthMax);
  const told = Promise.all([tell(), ...Array.from({ length: width }, subscribe)]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LIMITS.restoreWaitMs).unref();
  });
  await Promise.race([told, late]);
  clearTimeout(timer);
}
