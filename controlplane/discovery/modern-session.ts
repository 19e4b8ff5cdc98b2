// Decides how a server is read that knows no sessions: what it says of itself, and each list by a request that says it all.
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressAnswer } from '../../core/mcp/egress.ts';
import { META } from '../../core/mcp/inbound.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { causeOf } from './cause.ts';
import { askModern } from './modern.ts';
import { type Answer, isObject, isRefusal, type NoSession, type Session, type SessionOptions } from './session.ts';

const METHOD_NOT_FOUND = -32601;

/** As a session, so that what reads it need not know its era; nothing is open, and nothing has to be closed. Total. */
export async function openModern(options: SessionOptions, capabilities: JsonObject): Promise<Session | NoSession> {
  const { target, nowMs, endMs } = options;
  const request = async (method: string, params: JsonObject): Promise<Answer> => {
    if (nowMs() >= endMs) return failed(`${method}: no answer within ${LIMITS.discoveryDeadlineMs} ms`, false);
    const answer = await askModern(options, { method, params, capabilities });
    if (!answer.ok)
      return {
        ...failed(`${method}: ${causeOf(answer, target.path)}`, isRefusal(answer)),
        unknownMethod: isUnknown(answer),
      };
    const { result, error } = answer.message ?? {};
    if (isObject(error))
      return { ...failed(`${method}: ${String(error.message)}`, true), unknownMethod: error.code === METHOD_NOT_FOUND };
    return isObject(result) ? { ok: true, result } : failed(`${method}: the answer has no result`, true);
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
    request,
    // In this era a server asks nothing.
    respond: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** "Unknown method: 404 Not Found", and -32601 in the body (MCP 2026-07-28, transports). */
function isUnknown(answer: Extract<EgressAnswer, { ok: false }>): boolean {
  return answer.error?.code === METHOD_NOT_FOUND;
}

function failed(error: string, refused: boolean): Extract<Answer, { ok: false }> {
  return { ok: false, unknownMethod: false, refused, error };
}
