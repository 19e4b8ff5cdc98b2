// Decides what a subscriptions/listen stream tells its caller: of which changes, under which id, and until when.
import type { Viewer } from '../../core/catalog/govern.ts';
import { apiKeyProblem } from '../../core/identity/api-key.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { META } from '../../core/mcp/inbound.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { jsonParam } from '../../core/mcp/message.ts';
import { LIST_CHANGED, listDigest } from '../federation/lists.ts';
import { type Outcome, type Refusal, refuse } from '../outcome.ts';
import { viewOfPrincipal } from '../view.ts';
import type { ModernCall } from './call.ts';
import { identityOf } from './described.ts';
import { ownerOf } from './reading.ts';
import { type ListenedTask, listenedTasks } from './tasks-listened.ts';
import { openUpdates } from './updates.ts';

/** Members of the filter, and what each asks for. */
const LISTENED = {
  toolsListChanged: LIST_CHANGED.tools.method,
  promptsListChanged: LIST_CHANGED.prompts.method,
  resourcesListChanged: LIST_CHANGED.resources.method,
} as const;

export interface Filter {
  /** As it is acknowledged: what of it is honoured. */
  readonly honoured: JsonObject;
  /** Methods of the notifications of lists that are told of. */
  readonly lists: ReadonlySet<string>;
  readonly uris: readonly string[];
  readonly tasks: readonly ListenedTask[];
}

/** "The first message MUST be `notifications/subscriptions/acknowledged`" (MCP 2026-07-28, basic/subscriptions). */
export function listen(call: ModernCall): Outcome {
  const { gateway, message, principal, apiKey, decisionId, situation } = call;
  const { name } = call.surface;
  const filter = filterOf(call);
  if (typeof filter === 'string') return refuse({ code: 'invalid_params', detail: filter }, message.idText);
  if ('code' in filter) return refuse(filter, message.idText);
  if (gateway.streams.full)
    return refuse({ code: 'too_many_streams', reason: `${LIMITS.streamsMax} are open` }, message.idText);
  const meta = `{"${META.subscriptionId}":${message.idText}}`;
  const farewell = resultText(
    message.idText,
    `{"resultType":"complete","_meta":{"${META.subscriptionId}":${message.idText},"${META.serverInfo}":${JSON.stringify(identityOf(call))}}}`,
  );
  const told = (method: string, params = ''): string =>
    event(`{"jsonrpc":"2.0","method":"${method}","params":{${params}"_meta":${meta}}}`);
  const { idText } = message;
  /** Null: the caller may not listen any more. */
  const viewer = (): Viewer | null | undefined => {
    const catalog = gateway.catalog();
    if (catalog === null) return undefined;
    if (apiKey !== null && apiKeyProblem(catalog.apiKeys.get(apiKey.sha256), name, gateway.now()) !== null) return null;
    const surface = catalog.surfaces.get(name);
    if (surface === undefined) return undefined;
    return {
      catalog,
      surface,
      principal,
      decisionId,
      situation,
      exposure: viewOfPrincipal(catalog, surface, principal),
    };
  };
  return {
    kind: 'stream',
    headers: [
      [':status', '200'],
      ['content-type', 'text/event-stream'],
      ['cache-control', 'no-store'],
      // "Servers SHOULD include" it, so that no proxy keeps events back.
      ['x-accel-buffering', 'no'],
    ],
    bound: { bytesMax: LIMITS.listenedBytesMax, lastWords: () => event(farewell) },
    open: (sink) => {
      const honoured = JSON.stringify(filter.honoured);
      sink.write(told('notifications/subscriptions/acknowledged', `"notifications":${honoured},`));
      const updates = openUpdates({
        gateway,
        uris: filter.uris,
        tasks: filter.tasks,
        viewer,
        idText,
        write: (text) => sink.write(event(text)),
      });
      const forget = gateway.streams.open({
        tokenId: `listen ${decisionId}`,
        // A key ends by the clock that set its end.
        expiresAtMs: principal.expiresAtMs + (apiKey === null ? LIMITS.clockSkewMs : 0),
        sink: {
          ...sink,
          end() {
            updates.close();
            sink.write(event(farewell));
            sink.end();
          },
        },
        writer: {
          told: () => undefined,
          tell: (method) => sink.write(told(method)),
          close: () => updates.close(),
        },
        digest: () => {
          const now = viewer();
          if (now === null) return null;
          updates.changed();
          if (now === undefined) return {};
          const digests = Object.entries(listDigest(now)).filter(([method]) => filter.lists.has(method));
          return Object.fromEntries(digests);
        },
      });
      return () => {
        updates.close();
        forget();
      };
    },
  };
}

/** What of the filter is honoured; a text says what is wrong with it, a refusal that the client cannot ask so. */
function filterOf(call: ModernCall): Filter | Refusal | string {
  const wanted = jsonParam(call.message, 'notifications');
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted))
    return 'params.notifications must be an object';
  const { resourceSubscriptions = [], taskIds, ...flags } = wanted as Record<string, unknown>;
  if (!Array.isArray(resourceSubscriptions) || !resourceSubscriptions.every((uri) => typeof uri === 'string'))
    return 'params.notifications.resourceSubscriptions must be an array of strings';
  if (resourceSubscriptions.length > LIMITS.listenUrisMax)
    return `params.notifications.resourceSubscriptions must have at most ${LIMITS.listenUrisMax} members`;
  for (const member of Object.keys(LISTENED))
    if (flags[member] !== undefined && typeof flags[member] !== 'boolean')
      return `params.notifications.${member} must be a boolean`;
  const listened = taskIds === undefined ? { tasks: [] } : listenedTasks(call, taskIds);
  if (typeof listened === 'string' || 'code' in listened) return listened;
  const { tasks } = listened;
  const lists = Object.entries(LISTENED).filter(([member]) => flags[member] === true);
  // Who may read a resource may hear of it; of any other it is not told whether it is there.
  const uris = [...new Set(resourceSubscriptions as string[])].filter((uri) => ownerOf(call, uri) !== null);
  return {
    honoured: {
      ...Object.fromEntries(lists.map(([member]) => [member, true])),
      ...(uris.length > 0 && { resourceSubscriptions: uris }),
      ...(tasks.length > 0 && { taskIds: tasks.map(({ handle }) => handle) }),
    },
    lists: new Set(lists.map(([, method]) => method)),
    uris,
    tasks,
  };
}

function event(text: string): string {
  return `data: ${text}\n\n`;
}
