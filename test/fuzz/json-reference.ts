// Decides what a JSON text is by other means than the scanner: JSON.parse for the grammar, a slow walk for what we refuse beside it.
import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../../core/limits.ts';
import { folded } from '../../core/mcp/scan.ts';

export interface Reference {
  /** Absent: it is no JSON. */
  readonly value?: unknown;
  /** What JSON.parse takes and the scanner must not, with the failure that says so. */
  readonly refusals: ReadonlySet<'duplicate_key' | 'parse_error'>;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

interface Frame {
  readonly object: boolean;
  /** The message itself, or its `params`: there the members are compared without case, and counted. */
  readonly read: boolean;
  readonly keys: Set<string>;
  expectsKey: boolean;
  key: string;
}

export function referenceOf(bytes: Buffer, depthMax: number): Reference {
  if (!isUtf8(bytes)) return { refusals: new Set() };
  const text = bytes.toString();
  try {
    JSON.parse(text);
  } catch {
    return { refusals: new Set() };
  }
  return { value: jsonValueOf(text), refusals: refusalsOf(text, depthMax) };
}

/**
 * The value of a text that is JSON. JSON.parse reads single strings and numbers only: V8 takes a key that is written with
 * escapes for another one when it has seen an object like it before (nodejs/node#63785).
 */
export function jsonValueOf(text: string): unknown {
  const tokens = Array.from(text.matchAll(TOKEN), ([token]) => token);
  // Innermost last; a list holds its items, an object its keys and values in turn.
  const open: { readonly object: boolean; readonly parts: unknown[] }[] = [{ object: false, parts: [] }];
  for (const token of tokens) {
    if (token === ',' || token === ':') continue;
    if (token === '{' || token === '[') {
      open.push({ object: token === '{', parts: [] });
      continue;
    }
    const closed = token === '}' || token === ']' ? open.pop() : undefined;
    const value = closed === undefined ? JSON.parse(token) : closed.object ? paired(closed.parts) : closed.parts;
    open.at(-1)?.parts.push(value);
  }
  return open[0]?.parts[0];
}

function paired(parts: readonly unknown[]): Record<string, unknown> {
  const entries = parts.flatMap((key, index) => (index % 2 === 0 ? [[String(key), parts[index + 1]] as const] : []));
  return Object.fromEntries(entries);
}

/** Of a text that is JSON. */
function refusalsOf(text: string, depthMax: number): Set<'duplicate_key' | 'parse_error'> {
  const refusals = new Set<'duplicate_key' | 'parse_error'>();
  const stack: Frame[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const top = stack.at(-1);
    if (token === '{' || token === '[') {
      const read = token === '{' && (top === undefined || (stack.length === 1 && top.read && top.key === 'params'));
      stack.push({ object: token === '{', read, keys: new Set(), expectsKey: token === '{', key: '' });
      if (stack.length > depthMax) refusals.add('parse_error');
    } else if (token === '}' || token === ']') stack.pop();
    else if (token === ',' && top?.object === true) top.expectsKey = true;
    else if (top?.expectsKey === true && token.startsWith('"')) {
      top.expectsKey = false;
      top.key = JSON.parse(token) as string;
      const key = top.read ? folded(top.key) : top.key;
      if (top.keys.has(key)) refusals.add('duplicate_key');
      top.keys.add(key);
      if (top.read && top.keys.size > LIMITS.messageMembersMax) refusals.add('parse_error');
    }
  }
  return refusals;
}
