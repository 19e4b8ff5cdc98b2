// Decides which capabilities of a client its backends are told of.
import type { ListProfile } from '../../core/catalog/exposure.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { TASKS_EXTENSION } from '../../core/mcp/tasks.ts';
import type { SessionState } from '../../core/session/types.ts';

/** Those with which a server may ask its client, and whose requests and answers the gateway can tell apart. */
const MAPPED = ['roots', 'sampling', 'elicitation'] as const;

/**
 * "If capabilities.tasks is not defined, the peer SHOULD NOT attempt to create tasks" (MCP 2025-11-25, basic/utilities/tasks):
 * all of them but the list, in which a backend would see what others asked for.
 */
function passedTasks(tasks: JsonObject): JsonObject {
  const { list: _, ...passed } = tasks;
  return passed;
}

/** What a backend is initialised with. `transparent`: it is the surface's only one, and gets all that the client said. */
export function passedCapabilities(
  { clientCapabilities }: Pick<SessionState, 'clientCapabilities'>,
  transparent: boolean,
): JsonObject {
  if (transparent) return clientCapabilities;
  const { tasks } = clientCapabilities;
  return Object.fromEntries([
    ...MAPPED.flatMap((name) => (Object.hasOwn(clientCapabilities, name) ? [[name, clientCapabilities[name]!]] : [])),
    ...(isObject(tasks) ? [['tasks', passedTasks(tasks)]] : []),
  ]);
}

/** Between the eras there are no tasks: neither end would understand the other's. */
export function withoutTasks({ tasks: _, ...declared }: JsonObject): JsonObject {
  const { extensions } = declared;
  if (!isObject(extensions) || !Object.hasOwn(extensions, TASKS_EXTENSION)) return declared;
  const { [TASKS_EXTENSION]: __, ...others } = extensions;
  return { ...declared, extensions: others };
}

/** Whether a server may send requests to a client that declared these. */
export function asksClient(declared: JsonObject): boolean {
  return MAPPED.some((name) => Object.hasOwn(declared, name));
}

/** Which lists of a server a client is shown: servers choose by what they may ask of it. */
export function profileOf(declared: JsonObject): ListProfile {
  const [first, second, third] = MAPPED.filter((name) => Object.hasOwn(declared, name));
  if (first === undefined) return 'bare';
  if (second === undefined) return first;
  return third === undefined ? `${first},${second}` : 'full';
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
