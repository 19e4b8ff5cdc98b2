// Decides whether a caller is told that the status of a task changed: who may ask for it.
import type { Viewer } from '../../core/catalog/govern.ts';
import type { Message } from '../../core/mcp/message.ts';
import { TASK_STATUS } from '../../core/mcp/tasks.ts';
import type { Hop } from '../compose/identifiers.ts';
import { knownTask } from '../compose/task-messages.ts';
import { toolVerdict } from './tasks-allowed.ts';

/** Of messages of other kinds nothing is decided here. */
export function mayHear(viewer: Viewer, hop: Hop, message: Message): boolean {
  if (message.kind !== 'notification' || message.method !== TASK_STATUS) return true;
  const id = message.params?.get('taskId');
  const known = knownTask(hop, message, id);
  if (id === undefined || known === undefined) return false;
  const { name: server, version } = hop.version;
  const idText = message.bytes.toString('utf8', id.start, id.end);
  return toolVerdict(viewer, { era: 'legacy', server, version, tool: known.tool, idText }).allowed;
}
