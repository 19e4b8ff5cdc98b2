// Decides what a client gets of the answer to a call that it wants as a task: the task's id sealed, with the tool that it came from.
import type { Exposed } from '../../core/catalog/exposure.ts';
import { type Message, withEdits } from '../../core/mcp/message.ts';
import { spanIn, TASKS_SINCE } from '../../core/mcp/tasks.ts';
import type { SessionCall } from '../call.ts';
import { type Hop, toClient } from '../compose/identifiers.ts';
import { sealTask } from '../compose/task-ids.ts';
import { taskEdits } from '../compose/task-messages.ts';
import type { TaskPart } from './composed.ts';

/** "requestors send a request with the `task` field included in the request params" (MCP 2025-11-25, basic/utilities/tasks). */
export function makesTask({ message, session }: Pick<SessionCall, 'message' | 'session'>): boolean {
  return (
    message.method === 'tools/call' && message.params?.has('task') === true && session.protocolVersion >= TASKS_SINCE
  );
}

/** "Receivers that do not declare the task capability … MUST process requests of that type normally": then nothing changes. */
export function made({ exposed }: { readonly exposed: Exposed }): TaskPart {
  const answer = (hop: Hop, response: Message): readonly Buffer[] | null => {
    const span = spanIn(response, response.members.get('result'), ['task', 'taskId']);
    if (span === undefined) return toClient(hop, response);
    const idText = response.bytes.toString('utf8', span.start, span.end);
    if (!idText.startsWith('"')) return null;
    const { name: server, version } = exposed.version;
    const ref = { era: 'legacy', server, version, tool: exposed.name, idText } as const;
    const handle = sealTask(hop.gateway, hop.session, ref);
    if (handle === null) return null;
    return withEdits(response, [{ span, text: JSON.stringify(handle) }, ...(taskEdits(hop, response) ?? [])]);
  };
  return { answer, resumable: false };
}
