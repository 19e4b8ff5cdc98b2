// Decides the public name of a backend's tool or prompt on a surface, and whose a public name or a resource is.
import { LIMITS } from '../limits.ts';
import { globMatches } from '../policy/glob.ts';
import type { Catalog, CatalogServer, CatalogSurface, Listed, SurfaceMember } from './catalog.ts';

/** Server names have no underscore, so the first double one ends the server's part. */
const SEPARATOR = '__';

/** A surface with one server is transparent: it keeps the server's own names. */
export function publicName(surface: CatalogSurface, server: string, name: string): string {
  return surface.members.length === 1 ? name : `${server}${SEPARATOR}${name}`;
}

/** A public name must itself be one that clients accept (SEP-986: 1 to 128 characters). */
export function isListable(name: string): boolean {
  return name.length > 0 && name.length <= LIMITS.toolNameCharsMax;
}

export interface Owned {
  readonly server: CatalogServer;
  /** The server's own name or URI. */
  readonly name: string;
}

/** Whose tool or prompt a public name is; null when no member of the surface has it. */
export function ownerOfName(
  catalog: Catalog,
  surface: CatalogSurface,
  kind: 'tools' | 'prompts',
  name: string,
): Owned | null {
  const [member, own] = memberOf(surface, name);
  if (member === undefined) return null;
  const server = catalog.servers.get(member.server);
  if (own === '' || server?.discovered == null || !chosen(member[kind], own)) return null;
  const known =
    index(server.discovered[kind].full, 'name').has(own) || index(server.discovered[kind].bare, 'name').has(own);
  return known ? { server, name: own } : null;
}

function memberOf(surface: CatalogSurface, name: string): [SurfaceMember | undefined, string] {
  if (surface.members.length === 1) return [surface.members[0], name];
  const cut = name.indexOf(SEPARATOR);
  const server = name.slice(0, Math.max(cut, 0));
  return [surface.members.find((member) => member.server === server), name.slice(cut + SEPARATOR.length)];
}

/**
 * Whose resource a URI is. URIs are not rewritten (they occur inside results); the first member that lists it has it,
 * then the first with a template that fits.
 */
export function ownerOfUri(catalog: Catalog, surface: CatalogSurface, uri: string): Owned | null {
  let byTemplate: Owned | null = null;
  for (const member of surface.members) {
    const server = catalog.servers.get(member.server);
    if (server?.discovered == null || !chosen(member.resources, uri)) continue;
    const { resources, resourceTemplates } = server.discovered;
    if (index(resources.full, 'uri').has(uri) || index(resources.bare, 'uri').has(uri)) return { server, name: uri };
    if (byTemplate === null && !climbs(uri) && resourceTemplates.full.some((template) => templateFits(template, uri))) {
      byTemplate = { server, name: uri };
    }
  }
  return byTemplate;
}

/** RFC 6570 expressions stand for any text here: the server itself decides what it serves. */
function templateFits(template: Listed, uri: string): boolean {
  return globMatches(listedName(template, 'uriTemplate').replace(/\{[^{}]*\}/g, '*'), uri);
}

/**
 * Percent-encoding resolved as the most lenient reader would: a server may take `%73ecret` for `secret`, and a policy
 * must decide on what the server will read.
 */
export function decodedUri(uri: string): string {
  return uri.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

/** RFC 3986 §5.2.4: `public/../secret` is another resource than a pattern `public/*` speaks of. */
function climbs(uri: string): boolean {
  return /(^|[/\\])\.{1,2}([/\\?#]|$)/.test(decodedUri(uri));
}

/** Whether one of a member's patterns takes the name. */
export function chosen(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => globMatches(pattern, name));
}

/** The member of a listed item that names it. */
export function listedName(item: Listed, key: 'name' | 'uri' | 'uriTemplate'): string {
  const value = item[key];
  return typeof value === 'string' ? value : '';
}

// Lists are immutable, so their index is made once and goes with them.
const indexes = new WeakMap<readonly Listed[], ReadonlySet<string>>();
function index(items: readonly Listed[], key: 'name' | 'uri'): ReadonlySet<string> {
  let names = indexes.get(items);
  if (names === undefined) {
    names = new Set(items.map((item) => listedName(item, key)));
    indexes.set(items, names);
  }
  return names;
}
