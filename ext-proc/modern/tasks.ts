// Decides how a client of the modern era asks for a task: from the server that has it, header and body rewritten together.

import { HEADERS } from '../../core/contract.ts';
import { speaks } from '../../core/mcp/era.ts';
import { encodeHeaderValue } from '../../core/mcp/header-value.ts';
import { type Message, stringParam, withEdits } from '../../core/mcp/message.ts';
import { spanIn, TASKS_EXTENSION } from '../../core/mcp/tasks.ts';
import { ownerOf } from '../federation/pages.ts';
import { refusedTask, type TaskVerdict, taskVerdict } from '../federation/tasks-allowed.ts';
import { withheld } from '../obligations/fulfil.ts';
import { type Outcome, type Refusal, refuse } from '../outcome.ts';
import { answerFor } from './answered.ts';
import type { ModernCall } from './call.ts';
import { composeModern } from './compose.ts';

const MISSING: Refusal = {
  code: 'missing_capability',
  data: { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
};

/** Null: the client declares the extension. "Servers MUST return this error for non-declaring clients" (2026-07-28). */
export function extensionProblem({ message, envelope }: Pick<ModernCall, 'message' | 'envelope'>): Refusal | null {
  const declared = spanIn(message, envelope.clientCapabilities, ['extensions', TASKS_EXTENSION]);
  return declared === undefined ? MISSING : null;
}

export function answerModernTask(call: ModernCall): Outcome | Promise<Outcome> {
  const { message } = call;
  const problem = extensionProblem(call);
  if (problem !== null) return refuse(problem, message.idText);
  const handle = stringParam(message, 'taskId');
  if (handle === null)
    return refuse({ code: 'invalid_params', detail: 'params.taskId must be a string' }, message.idText);
  const verdict = modernTask(call, handle);
  if (!verdict.allowed) return refusedTask(call, verdict);
  const { exposed, decision, ref } = verdict;
  const { version } = exposed;
  const setHeaders = [
    [HEADERS.cluster, version.cluster],
    [':path', version.path],
    [HEADERS.protocolVersion, call.envelope.protocolVersion],
    [HEADERS.method, message.method],
    // "This allows transport intermediaries … to route subsequent requests for the same task" (2026-07-28, "Routing Headers").
    [HEADERS.name, encodeHeaderValue(String(JSON.parse(ref.idText)))],
    ['content-type', 'application/json'],
  ] as const;
  const body = withEdits(message, [{ span: message.params!.get('taskId')!, text: ref.idText }]);
  const outcome = composeModern(
    call,
    { decision },
    { exposed, setHeaders, removeHeaders: [HEADERS.session, 'last-event-id'], body },
    (answer) => namedAnswer(call, verdict, answer, handle),
  );
  return withheld(call.gateway, message, decision, outcome);
}

/** Of a task that this caller was given. */
export function modernTask(call: ModernCall, handle: string): TaskVerdict {
  const verdict = taskVerdict(call, ownerOf(call), 'modern', handle);
  if (!verdict.allowed || speaks(verdict.exposed.version.discovered, 'modern')) return verdict;
  return { allowed: false, reason: 'its server speaks another era now' };
}

/** The task by the id with which it was asked for; all else is as the server wrote it. */
function namedAnswer(
  call: ModernCall,
  { exposed }: Extract<TaskVerdict, { allowed: true }>,
  answer: Message,
  handle: string,
): readonly string[] {
  const span = answer.kind === 'response' ? spanIn(answer, answer.members.get('result'), ['taskId']) : undefined;
  if (span === undefined) return answerFor(call, exposed, answer);
  return [Buffer.concat(withEdits(answer, [{ span, text: JSON.stringify(handle) }])).toString()];
}
