// Decides which items of a backend a surface takes in, and under which names.
import type { ListKind } from '../mcp/methods.ts';
import type {
  AskedCapability,
  CatalogServer,
  CatalogSurface,
  Listed,
  ListedFor,
  ServerVersion,
  SurfaceMember,
} from './catalog.ts';
import { type Backend, ExposedItem } from './exposure-item.ts';
import { chosen, listedName, publicName } from './names.ts';

/**
 * Which of a server's lists: the ones for a client without capabilities, with all, or with these; `any`: what is in either,
 * for who does not know the client. What a client is not shown it cannot call either, whatever its backend session would allow.
 */
export type ListProfile = 'bare' | 'full' | 'any' | AskedCapability | `${AskedCapability},${AskedCapability}`;

export type ItemsByList = Readonly<Record<ListKind, readonly ExposedItem[]>>;

interface Made {
  readonly server: CatalogServer;
  readonly naming: CatalogSurface['naming'];
  readonly items: ItemsByList;
}
// All of these are immutable: items, and what lists show of them, are made once and go with them.
const made = new Map<ListProfile, WeakMap<SurfaceMember, WeakMap<ServerVersion, Made>>>();

/** In the order of the server's own lists, or of the map; names may still collide. */
export function itemsOf({ naming }: CatalogSurface, backend: Backend, profile: ListProfile): ItemsByList {
  const { member, server, version } = backend;
  let ofProfile = made.get(profile);
  if (ofProfile === undefined) {
    ofProfile = new WeakMap();
    made.set(profile, ofProfile);
  }
  let ofMember = ofProfile.get(member);
  if (ofMember === undefined) {
    ofMember = new WeakMap();
    ofProfile.set(member, ofMember);
  }
  const found = ofMember.get(version);
  if (found !== undefined && found.server === server && found.naming === naming) return found.items;
  const items = make(naming, backend, profile);
  ofMember.set(version, { server, naming, items });
  return items;
}

/**
 * Discovery reads with each capability alone: of what a client with two sees, each brings and hides its own. What a server
 * shows only for two together is not known. Total.
 */
export function listedFor(
  { bare, full, alone }: ListedFor,
  profile: ListProfile,
  key: 'name' | 'uri' | 'uriTemplate',
): readonly Listed[] {
  if (profile === 'full') return full;
  if (profile === 'bare' || (profile !== 'any' && alone === undefined)) return bare;
  const names = new Set(bare.map((item) => listedName(item, key)));
  const any = [...bare, ...full.filter((item) => !names.has(listedName(item, key)))];
  if (profile === 'any' || alone === undefined) return any;
  const shown = (profile.split(',') as AskedCapability[]).map((capability) => new Set(alone[capability]));
  return any.filter((item) => {
    const name = listedName(item, key);
    return names.has(name) ? shown.every((each) => each.has(name)) : shown.some((each) => each.has(name));
  });
}

function make(naming: CatalogSurface['naming'], backend: Backend, profile: ListProfile): ItemsByList {
  const { member, version } = backend;
  const { discovered } = version;
  if (discovered === null) return { tools: [], prompts: [], resources: [], resourceTemplates: [] };
  const named = (kind: 'tools' | 'prompts') =>
    take(listedFor(discovered[kind], profile, 'name'), 'name', member[kind], (item, name) => {
      return new ExposedItem(backend, kind, item, name, publicName(naming, backend.server.name, name));
    });
  const located = (kind: 'resources' | 'resourceTemplates', key: 'uri' | 'uriTemplate') =>
    // URIs are not rewritten: they occur inside results.
    take(
      listedFor(discovered[kind], profile, key),
      key,
      member.resources,
      (item, uri) => new ExposedItem(backend, kind, item, uri, uri),
    );
  return {
    tools: naming === 'mapped' ? mapped(backend, listedFor(discovered.tools, profile, 'name')) : named('tools'),
    prompts: named('prompts'),
    resources: located('resources', 'uri'),
    resourceTemplates: located('resourceTemplates', 'uriTemplate'),
  };
}

function take(
  listed: readonly Listed[],
  key: 'name' | 'uri' | 'uriTemplate',
  patterns: readonly string[],
  expose: (item: Listed, name: string) => ExposedItem,
): ExposedItem[] {
  return listed.flatMap((item) => {
    const name = listedName(item, key);
    return name !== '' && chosen(patterns, name) ? [expose(item, name)] : [];
  });
}

function mapped(backend: Backend, listed: readonly Listed[]): ExposedItem[] {
  const byName = new Map([...listed].reverse().map((item) => [listedName(item, 'name'), item]));
  return (backend.member.map ?? []).flatMap((entry) => {
    const item = byName.get(entry.tool);
    if (item === undefined || !chosen(backend.member.tools, entry.tool)) return [];
    return [new ExposedItem(backend, 'tools', item, entry.tool, entry.name ?? entry.tool, entry)];
  });
}
