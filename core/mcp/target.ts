// Decides which tool, prompt or resource a message is about, and where in it the name stands.
import { LIMITS } from '../limits.ts';
import { type Message, stringAt } from './message.ts';
import type { Target } from './methods.ts';
import { type Span, scan } from './scan.ts';

/** "Completion supports two types of completion references" (MCP 2025-11-25, server/utilities/completion). */
const REFERENCES: Readonly<Record<string, { readonly key: 'name' | 'uri'; readonly target: Target }>> = {
  'ref/prompt': { key: 'name', target: { kind: 'prompt', param: 'ref', unknown: 'unknown_prompt' } },
  'ref/resource': { key: 'uri', target: { kind: 'resource', param: 'ref', unknown: 'unknown_resource' } },
};

/** What the row says, or what the message's own reference means; null: it has none. Total. */
export function targetOf(message: Message, target: Target | 'reference'): Target | null {
  if (target !== 'reference') return target;
  return referenceIn(message)?.target ?? null;
}

/** The public name or URI; null: it is absent or not a string. */
export function targetName(message: Message, { param }: Target): string | null {
  return stringAt(message.bytes, targetSpan(message, param));
}

/** Where it stands; undefined: nowhere. */
export function targetSpan(message: Message, param: Target['param']): Span | undefined {
  return param === 'ref' ? referenceIn(message)?.span : message.params?.get(param);
}

/** Read by the scanner, as every decision is: of a reference that names two things, servers would differ on which counts. */
function referenceIn({ bytes, params }: Message): { readonly target: Target; readonly span: Span | undefined } | null {
  const outer = params?.get('ref');
  if (outer === undefined) return null;
  const inner = bytes.subarray(outer.start, outer.end);
  const scanned = scan(inner, LIMITS.jsonDepthMax);
  if (typeof scanned === 'string') return null;
  const type = stringAt(inner, scanned.members.get('type')) ?? '';
  const row = Object.hasOwn(REFERENCES, type) ? REFERENCES[type] : undefined;
  if (row === undefined) return null;
  const named = scanned.members.get(row.key);
  const span = named && { start: outer.start + named.start, end: outer.start + named.end };
  return { target: row.target, span };
}
