// Decides what a client gets where a backend's message speaks of tasks: the ids that it was given of them.
import { type Edit, type Message, withEdits } from '../../core/mcp/message.ts';
import type { Span } from '../../core/mcp/scan.ts';
import { relatedTaskSpan, TASK_STATUS } from '../../core/mcp/tasks.ts';
import type { Hop } from './identifiers.ts';
import { clientTaskEdit, isOfClientTasks } from './task-client.ts';
import type { KnownTask } from './task-ids.ts';

/**
 * Null: it is not for this client, or about a task that nobody gave it. Which task a message belongs to is passed on as it
 * is where that is not known: to the client it means nothing, and no way leads from it to the server.
 */
export function taskEdits(hop: Hop, message: Message): readonly Edit[] | null {
  const edits: Edit[] = [];
  const related = relatedTaskSpan(message);
  const belongsTo = knownTask(hop, message, related);
  if (related !== undefined && belongsTo !== undefined) edits.push(named(related, belongsTo));
  if (message.kind === 'notification' && message.method === TASK_STATUS) {
    const span = message.params?.get('taskId');
    const known = knownTask(hop, message, span);
    if (span === undefined || known === undefined) return null;
    edits.push(named(span, known));
  }
  // Where a client has one server, that one was given the client's own ids.
  if (message.kind === 'request' && hop.transparent !== true && isOfClientTasks(message)) {
    const edit = clientTaskEdit(hop, message);
    if (edit === null) return null;
    edits.push(edit);
  }
  return edits;
}

/** The same on a surface with one server, where nothing else of a message changes. */
export function toOnlyClient(hop: Hop, message: Message): readonly Buffer[] | null {
  const edits = taskEdits({ ...hop, transparent: true }, message);
  return edits === null ? null : withEdits(message, edits);
}

/** A server's task that is named in a message of its; undefined: this client was not given it, as far as is known here. */
export function knownTask({ gateway, session, version }: Hop, { bytes }: Message, span: Span | undefined) {
  const idText = span === undefined ? '' : bytes.toString('utf8', span.start, span.end);
  if (!idText.startsWith('"')) return undefined;
  return gateway.tasks.find(session, { era: 'legacy', server: version.name, version: version.version, idText });
}

function named(span: Span, { handle }: KnownTask): Edit {
  return { span, text: JSON.stringify(handle) };
}
