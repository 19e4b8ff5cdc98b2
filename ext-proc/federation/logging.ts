// Decides how a session's log level reaches its backends.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { stringParam } from '../../core/mcp/message.ts';
import { backendSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';
import { sees } from './visible.ts';

/** RFC 5424, as MCP 2025-11-25 lists them (server/utilities/logging). */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/**
 * Told to all at once, and answered when each answered or was given up: what a backend does not know it logs at its own
 * level, so one that fails does not fail the others.
 */
export async function setLevel(call: SessionCall): Promise<Outcome> {
  const { gateway, message, session, exposure } = call;
  const logging = exposure.served.filter((version) => hasLogging(version) && sees(call, version));
  if (logging.length === 0) return refuse({ code: 'method_not_found', detail: message.method }, message.idText);
  const level = stringParam(message, 'level') ?? '';
  if (!LEVELS.includes(level))
    return refuse(
      { code: 'invalid_params', detail: `params.level must be one of ${LEVELS.join(', ')}` },
      message.idText,
    );
  // Servers of the modern era are told it with each call.
  gateway.bridges.levels.set(session.tokenId, level);
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'level', method: 'logging/setLevel', params: { level } });
  const told = await Promise.all(
    logging.map(async (version): Promise<boolean> => {
      const why = await tell(call, version, body);
      if (why !== null)
        gateway.log.warn(
          { server: version.name, session: session.tokenId, why },
          'a backend was not told the log level',
        );
      return why === null;
    }),
  );
  if (!told.includes(true))
    return refuse({ code: 'backend_unavailable', detail: 'no server took the log level' }, message.idText);
  return immediate(200, resultText(message.idText, '{}'), 'chancery_level');
}

/** Null: it knows now. Total. */
async function tell({ gateway, session }: SessionCall, version: ServerVersion, body: string): Promise<string | null> {
  if (isModernOnly(version.discovered)) return null;
  try {
    const answer = await gateway.egress.send({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      sessionId: await backendSession(gateway, session, version),
      protocolVersion: backendVersion(version, session),
      body,
      idempotent: true,
      deadlineMs: LIMITS.fanoutDeadlineMs,
    });
    if (!answer.ok) return answer.why;
    return answer.message !== null && 'error' in answer.message ? 'it answered with an error' : null;
  } catch (error) {
    return String(error);
  }
}

/** A server that was not read yet has nothing to log of: nothing of it can be called. */
export function hasLogging({ discovered }: ServerVersion): boolean {
  return discovered !== null && Object.hasOwn(discovered.capabilities, 'logging');
}
