// Decides how an entry of the change log is shown, and how the log is read in pages.
import { LIMITS } from '../../core/limits.ts';
import type { LogEntry, LogQuery, Registry } from '../registry/types.ts';
import { cursorOf, type Page, type PageRequest, positionIn } from './page.ts';
import { isoTime } from './server-status.ts';
import { withoutSecrets } from './shown.ts';

export function shownEntry({ document: _, atMs, ...entry }: LogEntry): object {
  return { ...entry, at: isoTime(atMs) };
}

/** With the document as it was written. */
export function shownWithDocument(entry: LogEntry): object {
  const { document } = entry;
  if (document === undefined) return shownEntry(entry);
  return { ...shownEntry(entry), document: document === null ? null : withoutSecrets(document) };
}

/** Newest first; a page is keyed by its last entry's sequence, which stays what it is. @throws ApiError */
export async function logPage(
  registry: Pick<Registry, 'log'>,
  { kind, name }: Pick<LogQuery, 'kind' | 'name'>,
  { scope, cursor, limit: asked }: PageRequest,
): Promise<Page<LogEntry>> {
  // One more is read, to know whether there is one.
  const limit = Math.min(asked, LIMITS.apiPageItemsMax - 1);
  const before = beforeIn(scope, cursor);
  const found = await registry.log({
    ...(kind === undefined ? {} : { kind }),
    ...(name === undefined ? {} : { name }),
    ...(before === undefined ? {} : { before }),
    limit: limit + 1,
  });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (last === undefined || found.length <= limit) return { items };
  return { items, next: cursorOf(scope, [String(last.sequence)]) };
}

/** A part of what the log says of a server's versions, newest first; `before`: where it goes on, null at its end. */
export interface Transitions {
  readonly transitions: readonly LogEntry[];
  readonly before: number | null;
}

/** What happened to the versions of a server, in batches of the log, so many and no more. */
export async function* transitionsOf(
  registry: Pick<Registry, 'log'>,
  name: string,
  before?: number,
): AsyncGenerator<Transitions> {
  let at = before;
  for (let batch = 0; batch < LIMITS.apiLogBatchesMax; batch += 1) {
    const query = { kind: 'Server', name, limit: LIMITS.apiPageItemsMax };
    const entries = await registry.log(at === undefined ? query : { ...query, before: at });
    const last = entries.length < query.limit ? null : (entries.at(-1)?.sequence ?? null);
    yield { transitions: entries.filter(({ change }) => change === 'transition'), before: last };
    if (last === null) return;
    at = last;
  }
}

/** The sequence in a cursor of the log. @throws ApiError */
export function beforeIn(scope: string, cursor: string | undefined): number | undefined {
  const position = positionIn(scope, cursor, 1)?.[0];
  // A cursor that says something else than digits asks for what comes before the first entry: nothing.
  return position === undefined ? undefined : /^\d{1,15}$/.test(position) ? Number(position) : 0;
}
