// Decides how a list is cut into pages: by the key of the last item, so that writes in between neither repeat nor skip one.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { ApiError } from './error.ts';

/** Parameters of every list. */
export const pageParameters = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LIMITS.apiPageItemsMax)
    .default(LIMITS.apiPageItemsUsualMax)
    .describe('Items of one page.'),
  cursor: z.string().max(1024).optional().describe('`next` of the page before.'),
};

/** What a cursor says: after which key its page begins. */
export type Position = readonly string[];

/** Opaque to clients. `scope` is the list that it belongs to. */
export function cursorOf(scope: string, position: Position): string {
  return Buffer.from(JSON.stringify([scope, ...position])).toString('base64url');
}

/**
 * null without a cursor. It is not sealed, as it can only ask for what the list shows anyway; it must be one that
 * `cursorOf` could have made. @throws ApiError
 */
export function positionIn(scope: string, cursor: string | undefined, length: number): Position | null {
  if (cursor === undefined) return null;
  const [found, ...position] = textsIn(cursor);
  if (found !== scope || position.length !== length || cursorOf(scope, position) !== cursor)
    throw new ApiError('invalid_cursor');
  return position;
}

function textsIn(cursor: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : [];
  } catch {
    return [];
  }
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

export interface PageRequest {
  readonly scope: string;
  readonly cursor: string | undefined;
  readonly limit: number;
}

export interface PageOrder<Item> {
  /** As many texts for each item. */
  readonly keyOf: (item: Item) => Position;
  readonly length: number;
  /** Whether an item comes after the one that has this key. */
  readonly isAfter: (item: Item, position: Position) => boolean;
}

/** `items` are in the order of `isAfter`. @throws ApiError */
export function pageOf<Item>(
  items: readonly Item[],
  { scope, cursor, limit }: PageRequest,
  { keyOf, length, isAfter }: PageOrder<Item>,
): Page<Item> {
  const position = positionIn(scope, cursor, length);
  const rest = position === null ? items : items.filter((item) => isAfter(item, position));
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  if (last === undefined || rest.length <= limit) return { items: page };
  return { items: page, next: cursorOf(scope, keyOf(last)) };
}
