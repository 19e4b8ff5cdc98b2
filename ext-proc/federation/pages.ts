// Decides which page of a list a cursor asks for.
import { hash } from 'node:crypto';
import type { Asker } from '../../core/catalog/govern.ts';
import { LIMITS } from '../../core/limits.ts';
import { type Message, stringParam } from '../../core/mcp/message.ts';
import type { ListKind } from '../../core/mcp/methods.ts';
import type { HandleOwner } from '../../core/session/handles.ts';
import type { Caller } from '../call.ts';

interface Named {
  readonly publicName: string;
}

export interface Page<Item extends Named> {
  readonly items: readonly Item[];
  /** Null: it is the last one. */
  readonly nextCursor: string | null;
}

/**
 * Null: the cursor is none that this caller was given for this list. "Invalid cursors SHOULD result in an error with code
 * -32602" (MCP 2025-11-25, server/utilities/pagination).
 */
export function pageOf<Item extends Named>(
  caller: Caller,
  message: Message,
  kind: ListKind,
  all: readonly Item[],
  itemsMax: number,
): Page<Item> | null {
  const start = message.params?.has('cursor') ? startOf(caller, kind, all, stringParam(message, 'cursor')) : 0;
  if (start === null) return null;
  const items = all.slice(start, start + itemsMax);
  const end = start + items.length;
  if (end >= all.length) return { items, nextCursor: null };
  const { gateway } = caller;
  const payload = [kind, items.at(-1)!.publicName, end, digestOf(all)];
  const nextCursor = gateway.handles().seal('cursor', ownerOf(caller), payload, gateway.now() + LIMITS.sessionTtlMs);
  return { items, nextCursor };
}

/**
 * Where the list is as it was, the place; where it changed, behind the last name that was given, and where that is gone,
 * the place again.
 */
function startOf(caller: Caller, kind: ListKind, all: readonly Named[], cursor: string | null): number | null {
  const opened = cursor === null ? null : caller.gateway.handles().open('cursor', ownerOf(caller), cursor);
  if (opened === null || !opened.ok) return null;
  const [list, name, end, digest] = opened.payload;
  if (list !== kind || typeof end !== 'number' || !Number.isSafeInteger(end) || end < 0) return null;
  if (digest === digestOf(all)) return end;
  const last = all.findIndex(({ publicName }) => publicName === name);
  return last < 0 ? Math.min(end, all.length) : last + 1;
}

export function ownerOf({ surface, principal }: Asker): HandleOwner {
  return { surface: surface.name, issuer: principal.issuer, subject: principal.subject };
}

// What a caller sees is listed again for each page: two lists are the same when their names are.
function digestOf(all: readonly Named[]): string {
  return hash('sha256', all.map(({ publicName }) => publicName).join('\n'), 'base64');
}
