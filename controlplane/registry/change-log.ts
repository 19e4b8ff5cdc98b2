// Decides what is noted of each change, and how it is read again.
import type { Document } from '../../core/catalog/document.ts';
import type { LifecycleState } from '../../core/catalog/lifecycle.ts';
import { LIMITS } from '../../core/limits.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { type Edit, transitionsOf } from './edit.ts';
import type { DocumentName } from './problem.ts';
import type { Database, LogRow, Writer } from './tables.ts';
import type { Author, LogEntry, LogQuery } from './types.ts';

/** The database gives the sequence. */
type NewRow = Omit<LogRow, 'sequence'> & { readonly sequence: never };

interface Noted {
  readonly author: Author;
  readonly revision: number;
  readonly nowMs: number;
}

/** Of one document: what happened to it, then what happened to its versions. */
export function documentEntries(edit: Edit, { source, ...noted }: Noted & { readonly source?: number }): NewRow[] {
  const { kind, name, change, after } = edit;
  if (change === 'unchanged') return [];
  const row = rowOf(noted, { kind, name });
  return [
    {
      ...row,
      change: source === undefined ? change : 'rollback',
      source: source ?? null,
      json: after === null ? null : canonicalJson(after.document),
    },
    ...transitionsOf(edit).map(
      ({ version, from, to }): NewRow => ({ ...row, change: 'transition', version, from_state: from, to_state: to }),
    ),
  ];
}

export function keyEntry({ id, change, ...noted }: Noted & { id: string; change: 'created' | 'revoked' }): NewRow {
  return { ...rowOf(noted, { kind: API_KEY, name: id }), change };
}

/** What somebody decided of a change of a tool. */
export function toolEntry({
  server,
  version,
  tool,
  change,
  ...noted
}: Noted & Record<'server' | 'version' | 'tool', string> & { change: 'approved' | 'rejected' | 'canary' }): NewRow {
  return { ...rowOf(noted, { kind: TOOL_CHANGE, name: `${server}/${tool}` }), change, version };
}

const API_KEY = 'ApiKey';
const TOOL_CHANGE = 'ToolChange';

function rowOf({ author, revision, nowMs }: Noted, of: Pick<LogRow, 'kind' | 'name'>): NewRow {
  const row = { ...of, revision, at_ms: nowMs, who: author.who, why: author.why, change: 'updated' };
  return { ...row, version: null, from_state: null, to_state: null, source: null, json: null } as NewRow;
}

/** Newest first. */
export async function readLog(db: Database, { kind, name, before, limit }: LogQuery): Promise<readonly LogEntry[]> {
  let query = db.selectFrom('log').selectAll().orderBy('sequence', 'desc');
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (name !== undefined) query = query.where('name', '=', name);
  if (before !== undefined) query = query.where('sequence', '<', before);
  const rows = await query.limit(Math.min(Math.max(limit, 0), LIMITS.apiPageItemsMax)).execute();
  return rows.map(entryOf);
}

const WRITES: readonly LogRow['change'][] = ['created', 'updated', 'deleted', 'rollback'];

function entryOf(row: LogRow): LogEntry {
  const { sequence, revision, at_ms: atMs, who, why, kind, name, change } = row;
  return {
    ...{ sequence, revision, atMs, who, why, kind, name, change },
    ...(change === 'transition' && row.version !== null
      ? {
          version: row.version,
          from: row.from_state as LifecycleState | null,
          to: row.to_state as LifecycleState | null,
        }
      : {}),
    ...(kind === TOOL_CHANGE && row.version !== null ? { version: row.version } : {}),
    ...(row.source === null ? {} : { source: row.source }),
    // As it was written: what today's schema would make of it is another question.
    ...(kind !== API_KEY && WRITES.includes(change)
      ? { document: row.json === null ? null : (JSON.parse(row.json) as Document) }
      : {}),
  };
}

/** What a document was at a revision: its JSON, null when it was deleted, undefined when nothing is known of it. */
export async function jsonAt(
  trx: Writer,
  { kind, name }: DocumentName,
  revision: number,
): Promise<string | null | undefined> {
  const row = await trx
    .selectFrom('log')
    .select('json')
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where('revision', '<=', revision)
    .where('change', 'in', WRITES)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.json;
}
