// Decides which items of a backend a surface takes in, and under which names.
import type { ListKind } from '../mcp/methods.ts';
import type { CatalogServer, CatalogSurface, Listed, ServerVersion, SurfaceMember } from './catalog.ts';
import { type Backend, ExposedItem } from './exposure-item.ts';
import { chosen, listedName, publicName } from './names.ts';

export type ItemsByList = Readonly<Record<ListKind, readonly ExposedItem[]>>;

interface Made {
  readonly server: CatalogServer;
  readonly naming: CatalogSurface['naming'];
  readonly items: ItemsByList;
}
// All of these are immutable: items, and what lists show of them, are made once and go with them.
const made = new WeakMap<SurfaceMember, WeakMap<ServerVersion, Made>>();

/** In the order of the server's own lists, or of the map; names may still collide. */
export function itemsOf({ naming }: CatalogSurface, backend: Backend): ItemsByList {
  const { member, server, version } = backend;
  let ofMember = made.get(member);
  if (ofMember === undefined) {
    ofMember = new WeakMap();
    made.set(member, ofMember);
  }
  const found = ofMember.get(version);
  if (found !== undefined && found.server === server && found.naming === naming) return found.items;
  const items = make(naming, backend);
  ofMember.set(version, { server, naming, items });
  return items;
}

function make(naming: CatalogSurface['naming'], backend: Backend): ItemsByList {
  const { member, version } = backend;
  const { discovered } = version;
  if (discovered === null) return { tools: [], prompts: [], resources: [], resourceTemplates: [] };
  const named = (kind: 'tools' | 'prompts') =>
    take(discovered[kind].bare, 'name', member[kind], (item, name) => {
      return new ExposedItem(backend, kind, item, name, publicName(naming, backend.server.name, name));
    });
  const located = (kind: 'resources' | 'resourceTemplates', key: 'uri' | 'uriTemplate') =>
    // URIs are not rewritten: they occur inside results.
    take(discovered[kind].bare, key, member.resources, (item, uri) => new ExposedItem(backend, kind, item, uri, uri));
  return {
    tools: naming === 'mapped' ? mapped(backend, discovered.tools.bare) : named('tools'),
    prompts: named('prompts'),
    resources: located('resources', 'uri'),
    resourceTemplates: located('resourceTemplates', 'uriTemplate'),
  };
}

/**
 * Lists that a client without capabilities is given: none is passed on to a backend (see ext-proc/backend/open.ts), so
 * that what it has only for others cannot be called either.
 */
function take(
  bare: readonly Listed[],
  key: 'name' | 'uri' | 'uriTemplate',
  patterns: readonly string[],
  expose: (item: Listed, name: string) => ExposedItem,
): ExposedItem[] {
  return bare.flatMap((item) => {
    const name = listedName(item, key);
    return name !== '' && chosen(patterns, name) ? [expose(item, name)] : [];
  });
}

function mapped(backend: Backend, bare: readonly Listed[]): ExposedItem[] {
  const byName = new Map([...bare].reverse().map((item) => [listedName(item, 'name'), item]));
  return (backend.member.map ?? []).flatMap((entry) => {
    const item = byName.get(entry.tool);
    if (item === undefined || !chosen(backend.member.tools, entry.tool)) return [];
    return [new ExposedItem(backend, 'tools', item, entry.tool, entry.name ?? entry.tool, entry)];
  });
}
