// Decides of which tasks a caller may hear on a subscriptions/listen stream.
import { LIMITS } from '../../core/limits.ts';
import { type Message, stringParam } from '../../core/mcp/message.ts';
import type { TaskRef } from '../compose/task-ids.ts';
import type { Refusal } from '../outcome.ts';
import type { ModernCall } from './call.ts';
import { extensionProblem, modernTask } from './tasks.ts';

export interface ListenedTask {
  /** As the caller named it. */
  readonly handle: string;
  readonly ref: TaskRef;
}

/** Of `params.notifications.taskIds`: those of the caller that he may still ask for; of any other it is not told why. */
export function listenedTasks(
  call: ModernCall,
  wanted: unknown,
): { readonly tasks: readonly ListenedTask[] } | Refusal | string {
  if (!Array.isArray(wanted) || !wanted.every((id) => typeof id === 'string'))
    return 'params.notifications.taskIds must be an array of strings';
  if (wanted.length > LIMITS.listenTasksMax)
    return `params.notifications.taskIds must have at most ${LIMITS.listenTasksMax} members`;
  // "If a client requests task status notifications but does not declare the extension …, the server MUST return" it.
  const problem = extensionProblem(call);
  if (problem !== null) return problem;
  const tasks = [...new Set(wanted as string[])].flatMap((handle) => {
    const verdict = modernTask(call, handle);
    return verdict.allowed ? [{ handle, ref: verdict.ref }] : [];
  });
  return { tasks };
}

/** The one that a message of its server is about; undefined: none that is listened to. */
export function listenedTask(message: Message, tasks: readonly ListenedTask[]): ListenedTask | undefined {
  const taskId = stringParam(message, 'taskId');
  return taskId === null ? undefined : tasks.find(({ ref }) => JSON.parse(ref.idText) === taskId);
}
