// Decides how a list that the REST API gives in pages is read as one.
import { z } from 'zod';
import { LIMITS } from '../core/limits.ts';
import { type ApiFailure, askApi } from './api-client.ts';
import type { CliContext } from './context.ts';

const pageSchema = z.object({
  revision: z.number().optional(),
  items: z.array(z.unknown()),
  next: z.string().nullish(),
});

export type Pages =
  | {
      readonly ok: true;
      /** Of the first page. */
      readonly revision: number | undefined;
      readonly items: readonly unknown[];
      /** There are more than were asked for. */
      readonly more: boolean;
    }
  | Pick<ApiFailure, 'ok' | 'sentence'>;

/** No more items than `itemsMax`. Total. */
export async function readPages(
  question: {
    readonly path: string;
    readonly query?: readonly (readonly [string, string])[];
    readonly itemsMax: number;
    /** The list comes in one piece. */
    readonly whole?: boolean;
  },
  context: CliContext,
): Promise<Pages> {
  const { path, query = [], itemsMax, whole = false } = question;
  const items: unknown[] = [];
  let revision: number | undefined;
  let cursor: string | undefined;
  for (let page = 0; page < LIMITS.cliPagesMax; page++) {
    const limit = String(Math.min(LIMITS.apiPageItemsMax, itemsMax - items.length));
    const size: readonly (readonly [string, string])[] = whole ? [] : [['limit', limit]];
    const from: readonly (readonly [string, string])[] = cursor === undefined ? [] : [['cursor', cursor]];
    const answer = await askApi({ path, query: [...query, ...size, ...from] }, context);
    if (!answer.ok) return answer;
    const read = pageSchema.safeParse(answer.body);
    if (!read.success) return { ok: false, sentence: 'the REST API is of another version: its list has another shape' };
    items.push(...read.data.items);
    revision ??= read.data.revision;
    cursor = read.data.next ?? undefined;
    if (cursor === undefined)
      return { ok: true, revision, items: items.slice(0, itemsMax), more: items.length > itemsMax };
    if (items.length >= itemsMax) return { ok: true, revision, items: items.slice(0, itemsMax), more: true };
  }
  return { ok: false, sentence: `the list has more than ${LIMITS.cliPagesMax} pages` };
}
