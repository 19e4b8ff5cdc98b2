// Decides how a server is read that knows no sessions: what it says of itself, and each list by a request that says it all.
import { isObject, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { META } from '../../core/mcp/inbound.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { causeOf } from './cause.ts';
import { askModern } from './modern.ts';
import {
  type Answer,
  failed,
  isRefusal,
  isUnknown,
  type NoSession,
  outcomeOf,
  type Session,
  type SessionOptions,
} from './session.ts';

/** As a session, so that what reads it need not know its era; nothing is open, and nothing has to be closed. Total. */
export async function openModern(options: SessionOptions, capabilities: JsonObject): Promise<Session | NoSession> {
  const { target, nowMs, endMs } = options;
  const request = async (method: string, params: JsonObject): Promise<Answer> => {
    if (nowMs() >= endMs) return failed(`${method}: no answer within ${LIMITS.discoveryDeadlineMs} ms`, false);
    const answer = await askModern(options, { method, params, capabilities });
    if (answer.ok) return outcomeOf(method, answer);
    const failure = failed(`${method}: ${causeOf(answer, target.path)}`, isRefusal(answer));
    // "Unknown method: 404 Not Found", and -32601 in the body (MCP 2026-07-28, transports).
    return { ...failure, unknownMethod: isUnknown(answer.error) };
  };
  const discovered = await request('server/discover', {});
  if (!discovered.ok) return { error: discovered.error, refused: discovered.refused };
  const { supportedVersions, _meta, ...said } = discovered.result;
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(MODERN_VERSION)) {
    const found = JSON.stringify(supportedVersions ?? null).slice(0, LIMITS.echoedCharsMax);
    return { error: `server/discover: found protocol versions ${found}, wanted ${MODERN_VERSION}`, refused: true };
  }
  const serverInfo = isObject(_meta) ? _meta[META.serverInfo] : undefined;
  return {
    sessionId: '',
    protocolVersion: MODERN_VERSION,
    initialized: { ...said, ...(serverInfo !== undefined && { serverInfo }) },
    // "There is no resumption": an id of an event says nothing (MCP 2026-07-28, transports).
    eventIds: false,
    request,
    // In this era a server asks nothing.
    respond: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
