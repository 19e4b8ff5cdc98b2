// Decides by which ids backends know the tasks of a client, which it makes where a backend asks for one.
import { LIMITS } from '../../core/limits.ts';
import type { Edit, Message } from '../../core/mcp/message.ts';
import { stringAt } from '../../core/mcp/message.ts';
import type { Span } from '../../core/mcp/scan.ts';
import { relatedTaskSpan, spanIn } from '../../core/mcp/tasks.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import type { Hop } from './identifiers.ts';
import { openTask } from './task-ids.ts';

/** What the answer to a request of a backend says of the client's tasks. */
export type Asking =
  /** Nothing. */
  | ''
  /** `result.task`: "receivers … return a CreateTaskResult" (MCP 2025-11-25, basic/utilities/tasks). */
  | 'made'
  /** `result` is a task, or belongs to one. */
  | 'named';

/** Beside the eras of servers' tasks: one is never taken for the other. */
const OF_CLIENT = 'client';
const ASKING_FOR: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result', 'tasks/cancel']);

/** Of a request of a backend. */
export function askingOf({ method, params }: Message): Asking {
  if (ASKING_FOR.has(method)) return 'named';
  return params?.has('task') === true ? 'made' : '';
}

/** "tasks/list" of one backend would list what others asked for: it is refused, and not among what backends are told. */
export function isOfClientTasks({ method }: Message): boolean {
  return ASKING_FOR.has(method) || method === 'tasks/list';
}

/** The client's own id in a request of a backend for one of its tasks; null: it is none that this backend was given. */
export function clientTaskEdit({ gateway, session, version }: Hop, { method, params, bytes }: Message): Edit | null {
  const span = params?.get('taskId');
  const handle = stringAt(bytes, span);
  if (!ASKING_FOR.has(method) || span === undefined || handle === null) return null;
  const opened = gateway.handles().open('task', session, handle);
  if (!opened.ok) return null;
  const [of, tokenId, server, idText] = opened.payload.map(String);
  if (of !== OF_CLIENT || tokenId !== session.tokenId || server !== version.name || idText === undefined) return null;
  return { span, text: idText };
}

/** What the backend gets of the tasks in a message of its client. */
export function taskEditsToServer(
  hop: Pick<Hop, 'gateway' | 'session' | 'version'>,
  message: Message,
  asking: Asking,
): readonly Edit[] {
  const { gateway, session, version } = hop;
  const edits: Edit[] = [];
  const add = (span: Span | undefined): void => {
    const text = span === undefined ? null : backendText(hop, message.bytes.toString('utf8', span.start, span.end));
    if (span !== undefined && text !== null) edits.push({ span, text });
  };
  const result = message.members.get('result');
  if (asking === 'made') add(spanIn(message, result, ['task', 'taskId']));
  if (asking === 'named') add(spanIn(message, result, ['taskId']));
  const related = relatedTaskSpan(message);
  const handle = stringAt(message.bytes, related);
  if (related === undefined || handle === null) return edits;
  const opened = openTask(gateway, session, 'legacy', handle);
  if (!opened.ok) add(asking === '' ? undefined : related);
  else if (opened.ref.server === version.name) edits.push({ span: related, text: opened.ref.idText });
  return edits;
}

/** The id by which a backend knows a task of the client's, JSON text; undefined: it was not given it, or it is forgotten. */
export function knownToBackend(hop: Pick<Hop, 'gateway' | 'session' | 'version'>, idText: string): string | undefined {
  return hop.gateway.asked.get(keyOf(hop.session, hop.version.cluster, idText));
}

/** Null: it is no id, or one that is too long to be passed on. */
function backendText(hop: Pick<Hop, 'gateway' | 'session' | 'version'>, idText: string): string | null {
  const { gateway, session, version } = hop;
  if (!idText.startsWith('"') || idText.length > LIMITS.taskIdCharsMax) return null;
  const known = knownToBackend(hop, idText);
  if (known !== undefined) return known;
  const text = JSON.stringify(sealed(gateway, session, version.name, idText));
  gateway.asked.set(keyOf(session, version.cluster, idText), text);
  return text;
}

function sealed(gateway: Gateway, session: SessionState, server: string, idText: string): string {
  return gateway.handles().seal('task', session, [OF_CLIENT, session.tokenId, server, idText], session.expiresAtMs);
}

/** No key of a request has a word in front. */
function keyOf({ tokenId }: SessionState, cluster: string, idText: string): string {
  return `task ${tokenId} ${cluster} ${idText}`;
}
