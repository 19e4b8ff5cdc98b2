// Decides what a surface says of tasks: the union of its servers that have them in the era of the client.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { eraOf, speaks } from '../../core/mcp/era.ts';
import { TASKS_EXTENSION, TASKS_SINCE } from '../../core/mcp/tasks.ts';

/** Members of the capabilities; {} where there are none. `protocolVersion`: the client's. */
export function tasksOf(versions: readonly ServerVersion[], protocolVersion: string): JsonObject {
  if (eraOf(protocolVersion) === 'modern') {
    // "No extension-specific settings are currently defined; an empty object indicates support" (2026-07-28).
    return versions.some(hasExtension) ? { extensions: { [TASKS_EXTENSION]: {} } } : {};
  }
  if (protocolVersion < TASKS_SINCE) return {};
  const declared = versions.flatMap(({ discovered }) =>
    discovered !== null && speaks(discovered, 'legacy') ? [objectOf(discovered.capabilities.tasks)] : [],
  );
  const tasks = declared.reduce(union, {});
  return Object.keys(tasks).length === 0 ? {} : { tasks };
}

function hasExtension({ discovered }: ServerVersion): boolean {
  if (discovered === null || !speaks(discovered, 'modern')) return false;
  return (
    discovered.tasksExtension === true || Object.hasOwn(objectOf(discovered.capabilities.extensions), TASKS_EXTENSION)
  );
}

/** "The set of capabilities in capabilities.tasks.requests is exhaustive" (MCP 2025-11-25): what one has, the surface has. */
function union(one: JsonObject, other: JsonObject): JsonObject {
  const both: Record<string, Json> = { ...one };
  for (const [name, value] of Object.entries(other))
    both[name] = Object.hasOwn(one, name) ? union(objectOf(one[name]), objectOf(value)) : value;
  return both;
}

export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
