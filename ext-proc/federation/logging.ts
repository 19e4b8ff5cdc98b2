// Decides how a session's log level reaches its backends.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { stringParam } from '../../core/mcp/message.ts';
import { hasLogging, tellLevel } from '../backend/level.ts';
import { backendSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { questionOf } from '../instances/question.ts';
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
  // Servers of the modern era are told it with each call, and new sessions at the others when they are opened.
  gateway.bridges.levels.set(session.tokenId, level);
  gateway.instances.tell(questionOf('notice', call, message));
  const told = await Promise.all(
    logging.map(async (version): Promise<boolean> => {
      const why = await tell(call, version, level);
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
async function tell({ gateway, session }: SessionCall, version: ServerVersion, level: string): Promise<string | null> {
  if (isModernOnly(version.discovered)) return null;
  try {
    const sessionId = await backendSession(gateway, session, version);
    return await tellLevel(gateway, version, { sessionId, protocolVersion: backendVersion(version, session) }, level);
  } catch (error) {
    return String(error);
  }
}
