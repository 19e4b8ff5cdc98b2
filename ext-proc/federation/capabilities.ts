// Decides what a surface says that it can do: the union of its servers, or with one server what that one says.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { LATEST_LEGACY_VERSION } from '../../core/mcp/versions.ts';
import { withoutTasks } from '../backend/capabilities.ts';
import { LIST_CHANGED } from './lists.ts';
import { objectOf, tasksOf } from './tasks-declared.ts';

type Union = (declared: readonly JsonObject[]) => JsonObject;

/** Lists are the catalog's, which tells of each change, also of policies. */
const listed: Union = () => ({ listChanged: true });
const bare: Union = () => ({});

/**
 * What of several servers comes together (MCP 2025-11-25, schema.ts, ServerCapabilities). `experimental` and `extensions`
 * are words between one server and its clients.
 */
const UNIONS: Readonly<Record<string, Union>> = {
  tools: listed,
  prompts: listed,
  resources: (declared) => ({
    ...(declared.some(({ subscribe }) => subscribe === true) && { subscribe: true }),
    listChanged: true,
  }),
  logging: bare,
  completions: bare,
};

/**
 * Of servers that are not read yet: they may have any list. `protocolVersion`: the client's; of tasks it is told only what
 * it can ask for in its era, and of servers that speak it.
 */
export function capabilitiesOf(
  versions: readonly ServerVersion[],
  protocolVersion: string = LATEST_LEGACY_VERSION,
): JsonObject {
  const [only] = versions;
  const tasks = tasksOf(versions, protocolVersion);
  if (versions.length === 1 && only?.discovered) return withTasks(ownOf(only.discovered.capabilities), tasks);
  const capabilities: Record<string, Json> = {};
  for (const [name, union] of Object.entries(UNIONS)) {
    const declared = versions.flatMap(({ discovered }) => {
      if (discovered === null) return Object.hasOwn(LIST_CHANGED, name) ? [{}] : [];
      return Object.hasOwn(discovered.capabilities, name) ? [objectOf(discovered.capabilities[name])] : [];
    });
    if (declared.length > 0) capabilities[name] = union(declared);
  }
  return withTasks(capabilities, tasks);
}

/** As the server gave them; but for the lists, which change with policies and versions as well. */
function ownOf(declared: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(withoutTasks(declared)).map(([name, value]) => [
      name,
      Object.hasOwn(LIST_CHANGED, name) ? { ...objectOf(value), listChanged: true } : value,
    ]),
  );
}

function withTasks(capabilities: JsonObject, { extensions, ...more }: JsonObject): JsonObject {
  const all = { ...objectOf(capabilities.extensions), ...objectOf(extensions) };
  const { extensions: _, ...others } = capabilities;
  return { ...others, ...more, ...(Object.keys(all).length > 0 && { extensions: all }) };
}
