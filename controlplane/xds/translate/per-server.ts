// Decides which clusters, endpoints and secrets a group of Envoys is given for its servers.
import type { BuiltCatalog, ServerParts } from '../../catalog/build.ts';
import { changedEntries, kept, patched } from '../../catalog/kept.ts';
import { secret, secretName } from './secrets.ts';
import { type Named, type ServerResources, serverResources } from './server-resources.ts';
import { TYPES } from './type-urls.ts';
import type { EnvoyJson, Place, Translated } from './types.ts';

type Resources = ReadonlyMap<string, EnvoyJson>;

export interface PerServer {
  readonly clusters: Resources;
  readonly endpoints: Resources;
  readonly secrets: Resources;
}

export interface ServerContext {
  readonly place: Place;
  /** Those that a group has whatever its servers. */
  readonly clusters: Resources;
  /** What was made of a server for this place: once for all groups. */
  readonly made: WeakMap<ServerParts, ServerResources>;
}

/** What a group is made of, and what was made of it. */
export interface ServersOfGroup {
  readonly servers: ReadonlyMap<string, ServerParts>;
  /** See TranslateInput. */
  readonly blocked: ReadonlySet<string>;
}

/** @param before the same group as it was, in the same context. */
export function perServer(
  { servers, blocked }: ServersOfGroup,
  built: BuiltCatalog,
  { place, clusters, made }: ServerContext,
  before: (ServersOfGroup & { readonly resources: Translated }) | undefined,
): PerServer {
  const of = (name: string, parts: ServerParts): ServerResources => {
    const known = made.get(parts);
    if (known !== undefined && isBlockedAsBefore(parts, known, blocked)) return known;
    const earlier = before?.servers.get(name);
    const resources = serverResources(parts, place, blocked, earlier && made.get(earlier));
    made.set(parts, resources);
    return resources;
  };
  /** Before and now, of the servers that changed; null: there are others than before, or others are blocked. */
  const pairs =
    (before?.blocked === blocked &&
      changedEntries(before.servers, servers)?.map(([name, parts]) => ({
        was: of(name, before.servers.get(name)!),
        is: of(name, parts),
      }))) ||
    null;
  const gathered = (type: string, pick: (server: ServerResources) => readonly Named[], first: Resources): Resources => {
    const earlier = before?.resources[type];
    const changed = pairs?.filter(({ was, is }) => pick(was) !== pick(is));
    if (earlier !== undefined && changed?.every(({ was, is }) => sameNames(pick(was), pick(is))))
      return patched(
        earlier,
        changed.flatMap(({ is }) => pick(is)),
      );
    const all = new Map(first);
    for (const [server, parts] of servers) for (const [name, json] of pick(of(server, parts))) all.set(name, json);
    return kept(earlier, all);
  };
  const needed = new Set<string>();
  for (const [name, parts] of servers) for (const one of of(name, parts).secrets) needed.add(one);
  return {
    clusters: gathered(TYPES.cluster, (server) => server.clusters, clusters),
    endpoints: gathered(TYPES.endpoints, (server) => server.endpoints, new Map()),
    secrets: kept(before?.resources[TYPES.secret], secretResources([...needed].sort(), built)),
  };
}

function isBlockedAsBefore({ backends }: ServerParts, known: ServerResources, blocked: ReadonlySet<string>): boolean {
  if (blocked.size === 0 && known.blocked.length === 0) return true;
  const now = backends.filter(({ version }) => blocked.has(version.cluster));
  return now.length === known.blocked.length && now.every(({ version }) => known.blocked.includes(version.cluster));
}

function sameNames(a: readonly Named[], b: readonly Named[]): boolean {
  return a.length === b.length && a.every(([name], index) => name === b[index]![0]);
}

const SECRETS = new WeakMap<object, EnvoyJson>();

/** One that is named and not there is left out: the snapshot is then refused, since something names it. */
function secretResources(names: readonly string[], { snapshot }: BuiltCatalog): Resources {
  const found = new Map<string, EnvoyJson>();
  for (const name of names) {
    const data = snapshot.secrets.get(name);
    if (data === undefined) continue;
    const json = SECRETS.get(data) ?? secret(name, data);
    SECRETS.set(data, json);
    found.set(secretName(name), json);
  }
  return found;
}
