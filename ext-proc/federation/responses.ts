// Decides which backend a client's answer, or its progress, is for: the one that asked, on the session on which it asked.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { withEdits } from '../../core/mcp/message.ts';
import type { Span } from '../../core/mcp/scan.ts';
import { knownSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionMessage } from '../call.ts';
import { askerOf, openAsked } from '../compose/identifiers.ts';
import { taskEditsToServer } from '../compose/task-client.ts';
import { questionOf } from '../instances/question.ts';
import { isTransparent } from '../lane.ts';
import { ACCEPTED, type Outcome } from '../outcome.ts';

/**
 * "If the input is a JSON-RPC response or notification: if the server accepts the input, the server MUST return HTTP status
 * code 202 Accepted" (MCP 2025-11-25, transports). What is for nobody is accepted as well: a backend may have gone meanwhile.
 */
export function answerBackend(call: SessionMessage): Outcome | Promise<Outcome> {
  return toAsker(call, 'id', call.message.members.get('id'));
}

/** Of a request of a backend; a token that no backend gave means nothing. */
export function tellProgress(call: SessionMessage): Outcome | Promise<Outcome> {
  return toAsker(call, 'progress', call.message.params?.get('progressToken'));
}

function toAsker(call: SessionMessage, use: 'id' | 'progress', span: Span | undefined): Outcome | Promise<Outcome> {
  const { message } = call;
  if (span === undefined) return ACCEPTED;
  const text = message.bytes.toString('utf8', span.start, span.end);
  const opened = openAsked(call.gateway, call.session, use, text);
  if (opened.ok) {
    const { server, version, asker, idText, asking = '' } = opened.asked;
    const served = call.exposure.served.find((each) => each.name === server && each.version === version);
    if (served === undefined) return ignored(call, 'its server version is gone');
    const tasks = taskEditsToServer({ ...call, version: served }, message, asking);
    return send(call, served, withEdits(message, [{ span, text: idText }, ...tasks]), asker);
  }
  const [only] = call.exposure.served;
  if (!isTransparent(call.exposure) || only === undefined) return ignored(call, opened.reason);
  return send(call, only, withEdits(message, taskEditsToServer({ ...call, version: only }, message, '')), null);
}

/** `asker`: null for whichever session is known. */
async function send(
  call: SessionMessage,
  version: ServerVersion,
  body: readonly Buffer[],
  asker: string | null,
): Promise<Outcome> {
  const { gateway, session } = call;
  const sessionId = knownSession(gateway, session, version);
  // A session that took the place of the one that asked has requests with the same ids. The one that asked may be one that
  // another ext-proc opened.
  if (sessionId === null || (asker !== null && askerOf(sessionId) !== asker)) {
    gateway.instances.tell(questionOf('answer', call, call.message));
    return ignored(call, sessionId === null ? 'its backend session is gone' : 'another backend session asked');
  }
  const answer = await gateway.egress.send({
    cluster: version.cluster,
    path: version.path,
    method: 'POST',
    sessionId,
    protocolVersion: backendVersion(version, session),
    body: Buffer.concat(body).toString(),
    idempotent: false,
    deadlineMs: LIMITS.fanoutDeadlineMs,
  });
  return answer.ok ? ACCEPTED : ignored(call, `the backend did not take it: ${answer.why}`);
}

function ignored(call: SessionMessage, reason: string): Outcome {
  const { gateway, surface, principal, message, session } = call;
  gateway.log.info(
    { surface: surface.name, subject: principal.subject, session: session.tokenId, method: message.method, reason },
    'an answer of a client was for nobody',
  );
  return ACCEPTED;
}
