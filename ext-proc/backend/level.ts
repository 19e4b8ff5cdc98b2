// Decides how a server is told the log level of a client's session.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Gateway } from '../gateway.ts';

/** A server that was not read yet has nothing to log of: nothing of it can be called. */
export function hasLogging({ discovered }: ServerVersion): boolean {
  return discovered !== null && Object.hasOwn(discovered.capabilities, 'logging');
}

/** Null: it knows now; else why it does not. Total. */
export async function tellLevel(
  { egress }: Pick<Gateway, 'egress'>,
  { cluster, path }: ServerVersion,
  session: { readonly sessionId: string; readonly protocolVersion: string },
  level: string,
): Promise<string | null> {
  const answer = await egress.send({
    cluster,
    path,
    method: 'POST',
    ...session,
    body: JSON.stringify({ jsonrpc: '2.0', id: 'level', method: 'logging/setLevel', params: { level } }),
    idempotent: true,
    deadlineMs: LIMITS.fanoutDeadlineMs,
  });
  if (!answer.ok) return answer.why;
  return answer.message !== null && 'error' in answer.message ? 'it answered with an error' : null;
}
