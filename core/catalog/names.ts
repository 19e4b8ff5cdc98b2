// Decides under which public name a backend's tool or prompt stands on a surface, and which resource a URI may mean.
import { LIMITS } from '../limits.ts';
import { globMatches } from '../policy/glob.ts';
import type { CatalogSurface, Listed } from './catalog.ts';

/** Server names have no underscore, so the first double one ends the server's part. */
const SEPARATOR = '__';

/** Mapped tools have the name that their map gives; what a map says nothing of is prefixed. */
export function publicName(naming: CatalogSurface['naming'], server: string, name: string): string {
  return naming === 'bare' ? name : `${server}${SEPARATOR}${name}`;
}

/** The server's own name behind a public one, as `publicName` put it together; null when it is none of this server's. */
export function ownName(naming: CatalogSurface['naming'], server: string, name: string): string | null {
  if (naming === 'bare') return name;
  const prefix = `${server}${SEPARATOR}`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : null;
}

/** A public name must itself be one that clients accept (SEP-986: 1 to 128 characters). */
export function isListable(name: string): boolean {
  return name.length > 0 && name.length <= LIMITS.toolNameCharsMax;
}

/** RFC 6570 expressions stand for any text here: the server itself decides what it serves. */
export function templatePattern(uriTemplate: string): string {
  return uriTemplate.replace(/\{[^{}]*\}/g, '*');
}

/**
 * Percent-encoding resolved as the most lenient reader would: a server may take `%73ecret` for `secret`, and a policy
 * must decide on what the server will read.
 */
export function decodedUri(uri: string): string {
  return uri.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

/** RFC 3986 §5.2.4: `public/../secret` is another resource than a pattern `public/*` speaks of. */
export function climbs(uri: string): boolean {
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
