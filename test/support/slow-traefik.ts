// Decides calls as Traefik's MCP middleware does, over the JSON of a message: what an imported policy is held against.
import type { Json, JsonObject } from '../../core/json.ts';

/** Of the open-source `expr` package; `Lte` as it is described. */
export type Match =
  | {
      readonly fn: 'Equals' | 'Prefix' | 'Contains' | 'OneOf';
      readonly key: string;
      readonly values: readonly string[];
    }
  | { readonly fn: 'SplitContains'; readonly key: string; readonly values: readonly [string, string] }
  | { readonly fn: 'Lte'; readonly key: string; readonly values: readonly [string] }
  | { readonly and: readonly Match[] }
  | { readonly or: readonly Match[] }
  | { readonly not: Match };

export interface TraefikBody {
  readonly mcp: JsonObject;
  readonly jwt: JsonObject;
}

/** What it makes of something is not known: then nothing may depend on it. */
export class NotKnown extends Error {}

export function textOfMatch(match: Match): string {
  if ('and' in match) return `(${match.and.map(textOfMatch).join(' && ')})`;
  if ('or' in match) return `(${match.or.map(textOfMatch).join(' || ')})`;
  if ('not' in match) return `!${textOfMatch(match.not)}`;
  return `${match.fn}(${[match.key, ...match.values].map((text) => `\`${text}\``).join(', ')})`;
}

/** Maps are nothing; what is on the way must be one. */
function resolve(key: string, body: TraefikBody): Json | undefined {
  let value: Json | undefined = body as unknown as JsonObject;
  for (const step of key.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, step) ? (value as JsonObject)[step] : undefined;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : value;
}

function isSame(value: Json, wanted: string): boolean {
  if (typeof value === 'string') return value === wanted;
  return (typeof value === 'number' || typeof value === 'boolean') && JSON.stringify(value) === wanted;
}

function filled(text: string, body: TraefikBody): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, key: string) => {
    const value = resolve(key, body);
    if (value === undefined || typeof value === 'object') throw new NotKnown();
    return String(value);
  });
}

export function slowMatches(match: Match, body: TraefikBody): boolean {
  if ('and' in match) return match.and.every((one) => slowMatches(one, body));
  if ('or' in match) return match.or.some((one) => slowMatches(one, body));
  if ('not' in match) return !slowMatches(match.not, body);
  const values = match.values.map((text) => filled(text, body));
  const value = resolve(match.key, body);
  if (value === undefined) return false;
  const [first = '', second = ''] = values;
  const isText = typeof value === 'string';
  const items = Array.isArray(value) ? (value as readonly Json[]) : [];
  switch (match.fn) {
    case 'Equals':
      return isSame(value, first);
    case 'Prefix':
      return isText && value.startsWith(first);
    case 'Contains':
      return isText ? value.includes(first) : items.some((item) => isSame(item, first));
    case 'SplitContains':
      return isText && value.split(first).some((part) => part.trim() === second);
    case 'OneOf':
      return values.some((wanted) => isSame(value, wanted) || items.some((item) => isSame(item, wanted)));
    case 'Lte':
      if (typeof value !== 'number') throw new NotKnown();
      return value <= Number(first);
  }
}

/** The first that matches counts. */
export function slowTraefik(
  policies: readonly { readonly match: Match; readonly action: 'allow' | 'deny' }[],
  defaultAction: 'allow' | 'deny',
  body: TraefikBody,
): 'allow' | 'deny' {
  return policies.find(({ match }) => slowMatches(match, body))?.action ?? defaultAction;
}
