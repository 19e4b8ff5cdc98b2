// Decides what a surface exposes to a caller who has these versions of its servers: one table for lists and for calls.
import { LIMITS } from '../limits.ts';
import type { ListKind } from '../mcp/methods.ts';
import { globMatches } from '../policy/glob.ts';
import { TARGET_MEMBERS, type TargetKind } from '../policy/types.ts';
import type { Catalog, CatalogServer, CatalogSurface, ServerVersion } from './catalog.ts';
import { isServed } from './choose.ts';
import type { Backend, Exposed, ExposedItem } from './exposure-item.ts';
import { itemsOf, type ListProfile, listedFor } from './exposure-members.ts';
import { factsOf } from './facts.ts';
import { chosen, climbs, isListable, listedName, ownName, templatePattern } from './names.ts';
import { shownKey } from './tool-candidates.ts';

export type { Backend, Exposed, ExposedItem } from './exposure-item.ts';
export type { ListProfile } from './exposure-members.ts';

/** An item that the surface chose and that nobody sees, and why. */
export interface HiddenItem {
  readonly item: ExposedItem;
  readonly kind: ListKind;
  /** `taken`: `by` has the name; `name`: no client accepts it; `limit`: the surface's limits are reached. */
  readonly why: 'taken' | 'name' | 'limit';
  readonly by?: ExposedItem;
}

export interface Exposure {
  /** The caller's backends, in the order of the surface's members; also those that are not served any more. */
  readonly backends: readonly Backend[];
  /** The versions behind them to which calls may be made, each once. */
  readonly served: readonly ServerVersion[];
  /** What lists show, in their order, before any policy. All of it can be called. */
  readonly lists: Readonly<Record<ListKind, readonly ExposedItem[]>>;
  readonly hidden: readonly HiddenItem[];
  /**
   * What a public name or a URI means: the first one that the policy allows. Of a version that is not served any more
   * nothing is listed, but it is still found, so that its caller can be told.
   */
  find(kind: TargetKind, name: string): readonly Exposed[];
}

const LIST_KINDS = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const satisfies readonly ListKind[];

interface Made {
  /** The servers that everything below was made of, by member. */
  readonly servers: readonly (CatalogServer | undefined)[];
  readonly byVersions: Map<string, Exposure>;
}
// Surfaces and servers are immutable: what is made of them goes with them.
const made = new WeakMap<CatalogSurface, Made>();

/**
 * What the surface exposes to a caller to whom `versionOf` gives these versions; null: none. Made once for all callers
 * with the same versions and the same `profile`.
 */
export function exposureOf(
  catalog: Catalog,
  surface: CatalogSurface,
  versionOf: (server: CatalogServer) => ServerVersion | null,
  profile: ListProfile = 'bare',
): Exposure {
  const { servers, byVersions } = madeOf(catalog, surface);
  const versions = servers.map((server) => (server === undefined ? null : versionOf(server)));
  const key = [profile, ...versions.map((version) => (version === null ? '' : shownKey(version)))].join(' ');
  const found = byVersions.get(key);
  if (found !== undefined) return found;
  const backends = surface.members.flatMap((member, index): Backend[] => {
    const [server, version] = [servers[index], versions[index]];
    return server === undefined || version === undefined || version === null ? [] : [{ member, server, version }];
  });
  return remembered(byVersions, key, compose(surface, backends, profile, false));
}

function remembered(byVersions: Map<string, Exposure>, key: string, exposure: Exposure): Exposure {
  // Many canaries on one surface make many sets of versions: the one that was made first goes.
  const [oldest] = byVersions.keys();
  if (oldest !== undefined && byVersions.size >= LIMITS.exposuresPerSurfaceMax) byVersions.delete(oldest);
  byVersions.set(key, exposure);
  return exposure;
}

/**
 * What the surface exposes to anybody: a target is found when any served version has it for some client, and may be several
 * servers'. For who decides without knowing the caller's versions and capabilities. `shown`: see `shownTo`.
 */
export function everyExposure(
  catalog: Catalog,
  surface: CatalogSurface,
  shown: (version: ServerVersion) => ServerVersion = asItIs,
): Exposure {
  const { servers, byVersions } = madeOf(catalog, surface);
  const served = servers.map((server) => server?.versions.filter(isServed).map(shown) ?? []);
  const key = ['every', ...served.map((versions) => versions.map(shownKey).join('|'))].join(' ');
  const known = byVersions.get(key);
  if (known !== undefined) return known;
  const backends = surface.members.flatMap((member, index) =>
    served[index]!.map((version): Backend => ({ member, server: servers[index]!, version })),
  );
  // Where each server has one version, everybody has the same.
  const several = served.some(({ length }) => length > 1);
  return remembered(byVersions, key, compose(surface, backends, 'any', several));
}

function asItIs(version: ServerVersion): ServerVersion {
  return version;
}

function madeOf(catalog: Catalog, surface: CatalogSurface): Made {
  const servers = surface.members.map(({ server }) => catalog.servers.get(server));
  const found = made.get(surface);
  if (found?.servers.every((server, index) => server === servers[index]) === true) return found;
  const fresh: Made = { servers, byVersions: new Map() };
  made.set(surface, fresh);
  return fresh;
}

/** `several`: backends are versions beside each other, of which a caller has one. */
function compose(
  surface: CatalogSurface,
  backends: readonly Backend[],
  profile: ListProfile,
  several: boolean,
): Exposure {
  const lists: Record<ListKind, ExposedItem[]> = { tools: [], prompts: [], resources: [], resourceTemplates: [] };
  const tables: Record<ListKind, Map<string, ExposedItem[]>> = {
    tools: new Map(),
    prompts: new Map(),
    resources: new Map(),
    resourceTemplates: new Map(),
  };
  const hidden: HiddenItem[] = [];
  const fits = limiter(several ? undefined : surface.limits);
  const add = (kind: ListKind, item: ExposedItem): void => {
    const named = kind === 'tools' || kind === 'prompts';
    const others = tables[kind].get(item.publicName);
    if (named && !isListable(item.publicName)) hidden.push({ item, kind, why: 'name' });
    else if (others !== undefined) {
      const [first] = others;
      if (!several && first!.server !== item.server) hidden.push({ item, kind, why: 'taken', by: first! });
      if (several && others.every(({ server }) => server !== item.server)) others.push(item);
    } else if (!isServed(item.version)) {
      // It cannot be called and takes no room, but keeps its name: another server's must not be called in its place.
      tables[kind].set(item.publicName, [item]);
    } else if (kind === 'tools' && !fits(item)) hidden.push({ item, kind, why: 'limit' });
    else {
      tables[kind].set(item.publicName, [item]);
      lists[kind].push(item);
    }
  };
  for (const backend of backends) {
    const items = itemsOf(surface, backend, profile);
    for (const kind of LIST_KINDS) for (const item of items[kind]) add(kind, item);
  }
  const templates = backends.map((backend) => patternsOf(backend, profile));
  // Nothing is known any more of what these had.
  const forgotten = backends.filter(({ version }) => !isServed(version) && version.discovered === null);
  return {
    backends,
    served: [...new Set(backends.map(({ version }) => version))].filter(isServed),
    lists,
    hidden,
    find(kind, name) {
      const found = tables[TARGET_MEMBERS[kind]].get(name);
      if (found !== undefined && (kind !== 'resource' || !several)) return found;
      const filled = kind === 'resource' ? fromTemplates(templates, name) : [];
      if (several) return distinct([...(found ?? []), ...filled]);
      if (filled.length > 0) return filled.slice(0, 1);
      return forgotten.length === 0 ? NOTHING : presumed(surface, forgotten, kind, name);
    },
  };
}

const NOTHING: readonly Exposed[] = [];

/** Says of one tool after the other whether it is within the limits; after the first that is not, none is. */
function limiter(limits: CatalogSurface['limits']): (item: ExposedItem) => boolean {
  let tools = 0;
  let schemaBytes = 0;
  return (item) => {
    tools += 1;
    if (limits?.schemaBytes !== undefined) schemaBytes += item.schemaBytes();
    return tools <= (limits?.tools ?? tools) && schemaBytes <= (limits?.schemaBytes ?? schemaBytes);
  };
}

interface Templates {
  readonly backend: Backend;
  readonly patterns: readonly string[];
}

function patternsOf(backend: Backend, profile: ListProfile): Templates {
  const { discovered } = backend.version;
  const templates = discovered === null ? [] : listedFor(discovered.resourceTemplates, profile, 'uriTemplate');
  return { backend, patterns: templates.map((template) => templatePattern(listedName(template, 'uriTemplate'))) };
}

/** Resources that no list has, for each backend with a template that fits. */
function fromTemplates(templates: readonly Templates[], uri: string): readonly Exposed[] {
  if (climbs(uri)) return NOTHING;
  return templates.flatMap(({ backend, patterns }) =>
    chosen(backend.member.resources, uri) && patterns.some((pattern) => globMatches(pattern, uri))
      ? [exposedAs(backend, uri, uri)]
      : [],
  );
}

/** What would be theirs by its name alone. */
function presumed(
  { naming }: CatalogSurface,
  backends: readonly Backend[],
  kind: TargetKind,
  name: string,
): readonly Exposed[] {
  if (kind === 'resource' && climbs(name)) return NOTHING;
  return backends.flatMap((backend) => {
    const { member, server } = backend;
    let own: string | null;
    if (kind === 'resource') own = name;
    else if (kind === 'tool' && naming === 'mapped') {
      own = member.map?.find((entry) => (entry.name ?? entry.tool) === name)?.tool ?? null;
    } else own = ownName(naming, server.name, name);
    if (own === null || own === '' || !chosen(member[TARGET_MEMBERS[kind]], own)) return [];
    return [exposedAs(backend, own, name)];
  });
}

function exposedAs({ server, version }: Backend, name: string, publicName: string): Exposed {
  return {
    server,
    version,
    name,
    publicName,
    fixing: null,
    facts: factsOf(server, version, null, name),
    inputSchema: null,
  };
}

/** The first of each server. */
function distinct(found: readonly Exposed[]): readonly Exposed[] {
  return found.filter(({ server }, index) => found.findIndex((other) => other.server === server) === index);
}
