// Decides how a client of the legacy era asks for a task that it made: from the server that has it, as the tool that it came from.

import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { type Message, stringParam, withEdits } from '../../core/mcp/message.ts';
import { spanIn, TASKS_SINCE } from '../../core/mcp/tasks.ts';
import { knownSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { type Hop, toClient } from '../compose/identifiers.ts';
import { knownToBackend } from '../compose/task-client.ts';
import { taskEdits } from '../compose/task-messages.ts';
import { isTransparent } from '../lane.ts';
import { withheld } from '../obligations/fulfil.ts';
import { ACCEPTED, type Outcome, refuse } from '../outcome.ts';
import { composed, type TaskPart } from './composed.ts';
import { onBackend } from './relay.ts';
import { refusedTask, taskVerdict } from './tasks-allowed.ts';

const TOOL = { kind: 'tool', param: 'name', unknown: 'unknown_tool' } as const;

export function answerTask(call: SessionCall): Outcome | Promise<Outcome> {
  const { message, session } = call;
  if (!call.exposure.served.some((version) => hasTasks(call, version)))
    return refuse({ code: 'method_not_found', detail: message.method }, message.idText);
  const handle = stringParam(message, 'taskId');
  if (handle === null)
    return refuse({ code: 'invalid_params', detail: 'params.taskId must be a string' }, message.idText);
  const verdict = taskVerdict(call, session, 'legacy', handle);
  if (!verdict.allowed) return refusedTask(call, verdict);
  const { exposed, decision, ref } = verdict;
  const body = withEdits(message, [{ span: message.params!.get('taskId')!, text: ref.idText }]);
  const part: TaskPart = { body, ...(message.method === 'tasks/result' ? RESULT : named(handle)) };
  return onBackend(call, exposed.version, (backend) =>
    withheld(call.gateway, message, decision, composed(call, { exposed, target: TOOL, decision }, backend, part)),
  );
}

/** "exactly what the underlying request would have returned": of the task it names only where it belongs. */
const RESULT: TaskPart = { answer: toClient, resumable: true };

/** The task, by the id with which it was asked for. */
function named(handle: string): TaskPart {
  const answer = (hop: Hop, response: Message): readonly Buffer[] | null => {
    const span = spanIn(response, response.members.get('result'), ['taskId']);
    if (span === undefined) return toClient(hop, response);
    return withEdits(response, [{ span, text: JSON.stringify(handle) }, ...(taskEdits(hop, response) ?? [])]);
  };
  return { answer, resumable: false };
}

/** Whether tasks of a server version can be asked for. */
export function hasTasks({ session }: Pick<SessionCall, 'session'>, { discovered }: ServerVersion): boolean {
  return (
    session.protocolVersion >= TASKS_SINCE &&
    discovered !== null &&
    !isModernOnly(discovered) &&
    Object.hasOwn(discovered.capabilities, 'tasks')
  );
}

/** Of a task of the client's own. "Requestors MUST NOT rely on receiving this": who did not ask for it is not told. */
export function tellTaskStatus(call: SessionCall): Outcome {
  const { gateway, session, message, exposure } = call;
  const span = message.params?.get('taskId');
  if (span === undefined || message.bytes.length > LIMITS.cancelBytesMax) return ACCEPTED;
  const text = message.bytes.toString('utf8', span.start, span.end);
  for (const version of exposure.served) {
    const sessionId = knownSession(gateway, session, version);
    const known = isTransparent(exposure) ? text : knownToBackend({ gateway, session, version }, text);
    if (sessionId === null || known === undefined) continue;
    void gateway.egress.send({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      sessionId,
      protocolVersion: backendVersion(version, session),
      body: Buffer.concat(withEdits(message, [{ span, text: known }])).toString(),
      idempotent: true,
      deadlineMs: LIMITS.fanoutDeadlineMs,
    });
  }
  return ACCEPTED;
}
