// Decides which tasks a client of the legacy era is shown: its own, of every server of the surface that lists them.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { type Message, stringAt, stringParam } from '../../core/mcp/message.ts';
import { type Span, scanArray } from '../../core/mcp/scan.ts';
import { spanIn } from '../../core/mcp/tasks.ts';
import { backendSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { carriedHeaders } from '../compose/carried-headers.ts';
import { oneAnswer } from '../compose/one-answer.ts';
import { knownTask } from '../compose/task-messages.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';
import { hasTasks } from './tasks.ts';
import { toolVerdict } from './tasks-allowed.ts';
import { sees } from './visible.ts';

/** First of a cursor's payload; no list of items has this name. */
const TASKS = 'tasks';
const ID = '1';

/** Where the list of one server goes on; null: it begins. */
interface Place {
  readonly version: ServerVersion;
  readonly cursor: string | null;
}

interface Part {
  /** Raw JSON of the tasks that are the caller's. */
  readonly tasks: readonly string[];
  readonly next: Place | null;
}

const NOTHING: Part = { tasks: [], next: null };

/**
 * All servers at once, a page of each; one that fails is left out, and does not fail the others. What a server lists may be
 * of others: only what this process gave the caller, or was asked for by him, is his.
 */
export async function listTasks(call: SessionCall): Promise<Outcome> {
  const { gateway, message, session, exposure } = call;
  const listing = exposure.served.filter((version) => lists(call, version) && sees(call, version));
  if (listing.length === 0) return refuse({ code: 'method_not_found', detail: message.method }, message.idText);
  const places = message.params?.has('cursor')
    ? placesAt(call, listing)
    : listing.map((version) => ({ version, cursor: null }));
  // "Invalid or nonexistent cursor in tasks/list: -32602" (MCP 2025-11-25, basic/utilities/tasks).
  if (places === null) return refuse({ code: 'invalid_params', detail: 'unknown cursor' }, message.idText);
  const parts = await Promise.all(places.map((place) => partOf(call, place)));
  const left = parts.flatMap(({ next }) => (next === null ? [] : [next]));
  const payload = [TASKS, ...left.flatMap(({ version, cursor }) => [version.name, version.version, cursor ?? ''])];
  const sealed = left.length === 0 ? null : gateway.handles().seal('cursor', session, payload, session.expiresAtMs);
  const next = sealed === null ? '' : `,"nextCursor":${JSON.stringify(sealed)}`;
  const tasks = parts.flatMap((part) => part.tasks).join();
  return immediate(200, resultText(message.idText, `{"tasks":[${tasks}]${next}}`), 'chancery_tasks_list');
}

function lists(call: SessionCall, version: ServerVersion): boolean {
  const tasks = hasTasks(call, version) ? version.discovered?.capabilities.tasks : undefined;
  return typeof tasks === 'object' && tasks !== null && Object.hasOwn(tasks, 'list');
}

/** Of servers that are gone meanwhile there is nothing more. Null: the cursor is none that this caller was given here. */
function placesAt({ gateway, session, message }: SessionCall, listing: readonly ServerVersion[]): Place[] | null {
  const opened = gateway.handles().open('cursor', session, stringParam(message, 'cursor') ?? '');
  if (!opened.ok) return null;
  const [kind, ...rest] = opened.payload.map(String);
  if (kind !== TASKS) return null;
  const places: Place[] = [];
  for (let at = 0; at + 2 < rest.length; at += 3) {
    const version = listing.find((each) => each.name === rest[at] && each.version === rest[at + 1]);
    if (version !== undefined) places.push({ version, cursor: rest[at + 2]! });
  }
  return places;
}

/** Total. */
async function partOf(call: SessionCall, { version, cursor }: Place): Promise<Part> {
  const { gateway, session } = call;
  const failed = (why: string): Part => {
    gateway.log.warn({ server: version.name, session: session.tokenId, why }, 'the tasks of a server are not listed');
    return NOTHING;
  };
  let sessionId: string;
  try {
    sessionId = await backendSession(gateway, session, version);
  } catch (error) {
    return failed(String(error));
  }
  const params = cursor === null ? {} : { cursor };
  const answer = await oneAnswer(
    gateway.calls,
    {
      cluster: version.cluster,
      path: version.path,
      sessionId,
      protocolVersion: backendVersion(version, session),
      headers: carriedHeaders(call.admitted.headers),
      eventBytesMax: LIMITS.taskListBytesMax,
      body: JSON.stringify({ jsonrpc: '2.0', id: Number(ID), method: 'tasks/list', params }),
    },
    ID,
  );
  if (answer === null) return failed('it did not answer with a list');
  const result = answer.members.get('result');
  const list = spanIn(answer, result, ['tasks']);
  const items =
    list === undefined ? 'none' : scanArray(answer.bytes.subarray(list.start, list.end), LIMITS.jsonDepthMax);
  if (list === undefined || typeof items === 'string') return failed('it did not answer with a list');
  const more = stringAt(answer.bytes, spanIn(answer, result, ['nextCursor']));
  if (more !== null && more.length > LIMITS.taskIdCharsMax) failed('its cursor is too long');
  const next = more === null || more.length > LIMITS.taskIdCharsMax ? null : { version, cursor: more };
  const tasks = items.flatMap(({ start, end }) =>
    own(call, version, answer, { start: list.start + start, end: list.start + end }),
  );
  return { tasks, next };
}

/** One task as its caller knows it; nothing, where it is not his, or the tool that it came from is not his any more. */
function own(call: SessionCall, version: ServerVersion, answer: Message, item: Span): string[] {
  const { gateway, session } = call;
  const id = spanIn(answer, item, ['taskId']);
  const known = knownTask({ gateway, session, version, backendSession: '' }, answer, id);
  if (id === undefined || known === undefined) return [];
  const idText = answer.bytes.toString('utf8', id.start, id.end);
  const ref = { era: 'legacy', server: version.name, version: version.version, tool: known.tool, idText } as const;
  if (!toolVerdict(call, ref).allowed) return [];
  const { bytes } = answer;
  const handle = JSON.stringify(known.handle);
  return [bytes.toString('utf8', item.start, id.start) + handle + bytes.toString('utf8', id.end, item.end)];
}
