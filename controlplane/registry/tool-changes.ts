// Decides how changes of tools are read again, and what it does to say yes or no to one.
import type { Canary } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import { decided, pinOf } from '../pinning/plan.ts';
import type { ChangeState, ServerPins, ToolChange, ToolPin } from '../pinning/types.ts';
import { toolEntry } from './change-log.ts';
import { changedMap } from './changed-map.ts';
import { changeOfRow, pinOfRow, withProblems, writeChanges, writePins } from './pins.ts';
import { advanced, type State, versionKey } from './state.ts';
import type { Written } from './store.ts';
import type { Database, Writer } from './tables.ts';
import type { Author } from './types.ts';

export interface ToolChangesQuery {
  readonly server?: string;
  readonly state?: ChangeState;
  /** Only those that come after this one. */
  readonly after?: { readonly seenMs: number; readonly id: string };
  readonly limit: number;
}

export interface ToolPinsQuery {
  readonly server: string;
  readonly version?: string;
  readonly tool?: string;
  /** Only those that come after this one. */
  readonly after?: { readonly version: string; readonly tool: string };
  readonly limit: number;
}

export interface DecideToolChange extends Author {
  readonly id: string;
  /** A canary: to whom it is shown while it waits on. */
  readonly verdict: 'approved' | 'rejected' | Canary;
  /** Asked in the transaction about the tag that the change has. */
  readonly precondition?: (tag: string) => boolean;
}

export type ToolChangeOutcome =
  | { readonly ok: true; readonly change: ToolChange; readonly revision: number }
  | { readonly ok: false; readonly why: 'unknown' | 'precondition' }
  /** It does not wait any more. */
  | { readonly ok: false; readonly why: 'over'; readonly change: ToolChange };

/** Another one for each state that it is in. */
export function changeTag({ id, state, canary, seenMs, decidedMs }: ToolChange): string {
  return contentHash([id, state, canary, seenMs, decidedMs]).slice(0, 32);
}

/** Newest first. */
export async function readToolChanges(
  db: Database,
  { server, state, after, limit }: ToolChangesQuery,
): Promise<readonly ToolChange[]> {
  let query = db.selectFrom('tool_changes').selectAll().orderBy('seen_ms', 'desc').orderBy('id');
  if (server !== undefined) query = query.where('server', '=', server);
  if (state !== undefined) query = query.where('state', '=', state);
  if (after !== undefined) {
    const { seenMs, id } = after;
    query = query.where(({ or, and, eb }) =>
      or([eb('seen_ms', '<', seenMs), and([eb('seen_ms', '=', seenMs), eb('id', '>', id)])]),
    );
  }
  return (await query.limit(bounded(limit)).execute()).map(changeOfRow);
}

export async function readToolChange(db: Database | Writer, id: string): Promise<ToolChange | null> {
  const row = await db.selectFrom('tool_changes').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : changeOfRow(row);
}

export async function readToolPins(
  db: Database,
  { server, version, tool, after, limit }: ToolPinsQuery,
): Promise<readonly (ToolPin & { readonly version: string })[]> {
  let query = db.selectFrom('tool_pins').selectAll().where('server', '=', server).orderBy('version').orderBy('tool');
  if (version !== undefined) query = query.where('version', '=', version);
  if (tool !== undefined) query = query.where('tool', '=', tool);
  if (after !== undefined) {
    query = query.where(({ or, and, eb }) =>
      or([eb('version', '>', after.version), and([eb('version', '=', after.version), eb('tool', '>', after.tool)])]),
    );
  }
  const rows = await query.limit(bounded(limit)).execute();
  return rows.map((row) => ({ ...pinOfRow(row), version: row.version }));
}

/** One more than a page, to know whether there is one. */
function bounded(limit: number): number {
  return Math.min(Math.max(limit, 0), LIMITS.apiPageItemsMax + 1);
}

/** To say the same again changes nothing. */
export async function decideToolChange(
  trx: Writer,
  state: State,
  { id, verdict, precondition, who, why }: DecideToolChange,
  nowMs: number,
): Promise<Written<ToolChangeOutcome>> {
  const refused = (value: ToolChangeOutcome): Written<ToolChangeOutcome> => ({ value, next: null });
  const stored = await readToolChange(trx, id);
  if (stored === null) return refused({ ok: false, why: 'unknown' });
  if (precondition?.(changeTag(stored)) === false) return refused({ ok: false, why: 'precondition' });
  if (stored.state === verdict) return refused({ ok: true, change: stored, revision: state.revision });
  const { server, version, tool } = stored;
  const key = versionKey(server, version);
  const pins = state.pins.get(key);
  const waits = pins?.changes.get(tool)?.id === id;
  // What was rejected may be approved after all, as long as the server says it.
  if (pins === undefined || !waits || (stored.state !== 'pending' && verdict !== 'approved'))
    return refused({ ok: false, why: 'over', change: stored });
  const change =
    typeof verdict === 'string' ? decided(stored, verdict, who, nowMs, why) : { ...stored, canary: verdict };
  const revision = state.revision + 1;
  const next = await written(trx, pins, change, who, nowMs);
  const noted = { author: { who, why }, revision, nowMs, server, version, tool };
  const entry = toolEntry({ ...noted, change: typeof verdict === 'string' ? verdict : 'canary' });
  await trx.insertInto('log').values(entry).execute();
  return {
    value: { ok: true, change, revision },
    next: advanced(state, { revision, pins: changedMap(state.pins, [[key, next]]) }),
  };
}

async function written(
  trx: Writer,
  { changes, problems }: ServerPins,
  change: ToolChange,
  who: string,
  nowMs: number,
): Promise<ServerPins> {
  const { server, version, tool, id } = change;
  const left = new Map(changes);
  if (change.state !== 'approved') {
    await writeChanges(trx, [change], new Set([id]));
    return { changes: left.set(tool, change), problems };
  }
  const before = await trx
    .selectFrom('tool_pins')
    .select('first_seen_ms')
    .where('server', '=', server)
    .where('version', '=', version)
    .where('tool', '=', tool)
    .executeTakeFirst();
  const firstSeenMs = before?.first_seen_ms ?? change.seenMs;
  const pin = pinOf(change, { firstSeenMs }, nowMs, who);
  await writePins(trx, server, version, [pin]);
  await writeChanges(trx, [change], new Set());
  left.delete(tool);
  return { changes: left, problems: withProblems(problems, [pin]) };
}
