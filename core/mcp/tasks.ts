// Decides by which words tasks are known on the wire, in both eras, and which ids of tasks are ours.
import { LIMITS } from '../limits.ts';
import type { Message } from './message.ts';
import { type Span, scan } from './scan.ts';

/** The first version with tasks (MCP 2025-11-25, basic/utilities/tasks). Versions are dates, so their texts compare. */
export const TASKS_SINCE = '2025-11-25';
/** "All requests, notifications, and responses related to a task MUST include" it in `_meta` (MCP 2025-11-25). */
export const RELATED_TASK = 'io.modelcontextprotocol/related-task';
/** The modern era's tasks are an extension (2026-07-28). */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
export const TASK_STATUS = 'notifications/tasks/status';
/** The same in the modern era. */
export const TASK_CHANGED = 'notifications/tasks';

const SEALED = /^cht1\./;

/** Whether a task id has the form of one that we gave: only ext-proc can open it, and decides by the tool in it. */
export function isSealedTask(taskId: string): boolean {
  return SEALED.test(taskId);
}

/** A value inside other objects, by the names of the members that lead to it; undefined: nothing is there. Total. */
export function spanIn({ bytes }: Pick<Message, 'bytes'>, from: Span | undefined, path: readonly string[]) {
  let at = from;
  for (const name of path) {
    if (at === undefined) return undefined;
    const { start, end } = at;
    const scanned = scan(bytes.subarray(start, end), LIMITS.jsonDepthMax);
    const found = typeof scanned === 'string' ? undefined : scanned.members.get(name);
    at = found && { start: start + found.start, end: start + found.end };
  }
  return at;
}

const RELATED_BYTES = Buffer.from(RELATED_TASK);

/** Where a message names the task that it belongs to; undefined: nowhere. Total. */
export function relatedTaskSpan(message: Message): Span | undefined {
  // Results may be of megabytes: most of them name none.
  if (!message.bytes.includes(RELATED_BYTES)) return undefined;
  const meta = message.params?.get('_meta') ?? spanIn(message, message.members.get('result'), ['_meta']);
  return spanIn(message, meta, [RELATED_TASK, 'taskId']);
}
