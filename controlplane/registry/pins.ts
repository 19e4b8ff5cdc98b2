// Decides how the registry keeps which definitions of tools are approved, and what servers say instead.
import { sql } from 'kysely';
import type { Canary, Discovered } from '../../core/catalog/catalog.ts';
import type { Pinning } from '../../core/catalog/documents/server.ts';
import { parseExact } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { bodyHash, type Definition, definitionHash, definitionsOf } from '../pinning/definition.ts';
import { plan } from '../pinning/plan.ts';
import { schemaProblem } from '../pinning/schema-problems.ts';
import type { ChangeKind, ChangeState, ServerPins, ToolChange, ToolPin } from '../pinning/types.ts';
import { inBatches } from './batches.ts';
import { inOrder } from './changed-map.ts';
import type { Finding } from './discoveries.ts';
import { versionKey } from './state.ts';
import type { Database, ToolChangeRow, ToolPinRow, Writer } from './tables.ts';

export interface PinsBefore {
  /** undefined: nothing of this version was pinned yet. */
  readonly pins: ServerPins | undefined;
  readonly rules: Pinning;
  /** What was read before, and now. */
  readonly before: Discovered | null;
  readonly after: Discovered | null;
}

export interface PinsAfter {
  readonly pins: ServerPins | undefined;
  /** Whether something else is shown, or waits, than before. */
  readonly changed: boolean;
  readonly waiting: readonly ToolChange[];
}

const NO_PINS: ServerPins = { changes: new Map(), problems: new Map() };

/** In the transaction that keeps what was read. */
export async function savePins(
  trx: Writer,
  { server, version, outcome, problems = new Map(), nowMs }: Finding,
  { pins: known, rules, before, after }: PinsBefore,
): Promise<PinsAfter> {
  const settled = known !== undefined && known.changes.size === 0 && after === before;
  if (!outcome.ok || after === null || settled) return { pins: known, changed: false, waiting: [] };
  const problemOf = (definition: Definition, hash: string): string | null => {
    const found = problems.get(hash);
    return found === undefined ? schemaProblem(definition) : found;
  };
  // What was shown before anything was pinned was trusted.
  const trusted =
    known === undefined && before !== null
      ? [...definitionsOf(before)].map(([tool, definition]) => pinOfTrusted(tool, definition, problemOf, nowMs))
      : [];
  const stored = known === undefined ? null : await pinsOf(trx, server, version);
  const rejected = await rejectedOf(trx, server, version);
  const made = plan(
    { server, version, definitions: definitionsOf(after), problemOf, rules, nowMs },
    {
      pins: stored ?? (before === null ? null : new Map(trusted.map((pin) => [pin.tool, pin]))),
      changes: known?.changes ?? NO_PINS.changes,
      wasRejected: (id) => rejected.has(id),
    },
  );
  if (known === undefined) {
    const set = { server, version, since_ms: nowMs };
    await trx
      .insertInto('tool_pin_sets')
      .values(set)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  const pins = [...trusted, ...made.pins];
  await writePins(trx, server, version, pins);
  await writeChanges(trx, made.changes, new Set([...made.current.values()].map(({ id }) => id)));
  if (made.changes.length > 0) await forgetOld(trx, server, version);
  const waiting = made.changes.filter(
    (change) => change.state === 'pending' && made.current.get(change.tool) === change,
  );
  if (known !== undefined && made.pins.length === 0 && made.changes.length === 0)
    return { pins: known, changed: false, waiting };
  const next = { changes: made.current, problems: withProblems(known?.problems ?? NO_PINS.problems, pins) };
  const bare = next.changes.size === 0 && next.problems.size === 0;
  return { pins: bare ? NO_PINS : next, changed: known !== undefined || !bare, waiting };
}

function pinOfTrusted(
  tool: string,
  definition: Definition,
  problemOf: (definition: Definition, hash: string) => string | null,
  nowMs: number,
): ToolPin {
  const hash = definitionHash(definition);
  const times = { firstSeenMs: nowMs, approvedMs: nowMs, approvedBy: null };
  return {
    ...{ tool, hash, definition },
    bodyHash: bodyHash(definition),
    problem: problemOf(definition, hash),
    ...times,
  };
}

export function withProblems(
  problems: ReadonlyMap<string, string>,
  pins: readonly ToolPin[],
): ReadonlyMap<string, string> {
  if (pins.every(({ tool, problem }) => problem === null && !problems.has(tool))) return problems;
  const next = new Map(problems);
  for (const { tool, problem } of pins) {
    if (problem === null) next.delete(tool);
    else next.set(tool, problem);
  }
  return next;
}

async function pinsOf(db: Database | Writer, server: string, version: string): Promise<ReadonlyMap<string, ToolPin>> {
  const rows = await db
    .selectFrom('tool_pins')
    .selectAll()
    .where('server', '=', server)
    .where('version', '=', version)
    .execute();
  return new Map(rows.map((row) => [row.tool, pinOfRow(row)]));
}

/** Hashes of the definitions that were checked once. */
export async function knownHashes(db: Database, server: string, version: string): Promise<ReadonlySet<string>> {
  const pins = await db
    .selectFrom('tool_pins')
    .select('hash')
    .where('server', '=', server)
    .where('version', '=', version)
    .execute();
  return new Set(pins.map(({ hash }) => hash));
}

async function rejectedOf(trx: Writer, server: string, version: string): Promise<ReadonlySet<string>> {
  const rows = await trx
    .selectFrom('tool_changes')
    .select('id')
    .where('server', '=', server)
    .where('version', '=', version)
    .where('state', '=', 'rejected')
    .execute();
  return new Set(rows.map(({ id }) => id));
}

export async function writePins(trx: Writer, server: string, version: string, pins: readonly ToolPin[]): Promise<void> {
  const rows = pins.map(
    (pin): ToolPinRow => ({
      ...{ server, version, tool: pin.tool, hash: pin.hash, body_hash: pin.bodyHash, problem: pin.problem },
      ...{ json: JSON.stringify(pin.definition), first_seen_ms: pin.firstSeenMs },
      ...{ approved_by: pin.approvedBy, approved_ms: pin.approvedMs },
    }),
  );
  await inBatches(rows, (batch) =>
    trx
      .insertInto('tool_pins')
      .values(batch)
      .onConflict((conflict) =>
        conflict.columns(['server', 'version', 'tool']).doUpdateSet((row) => ({
          ...{ hash: row.ref('excluded.hash'), body_hash: row.ref('excluded.body_hash') },
          ...{ json: row.ref('excluded.json'), problem: row.ref('excluded.problem') },
          ...{ approved_by: row.ref('excluded.approved_by'), approved_ms: row.ref('excluded.approved_ms') },
        })),
      )
      .execute(),
  );
}

/** @param current ids of what the server says now and is not approved. */
export async function writeChanges(
  trx: Writer,
  changes: readonly ToolChange[],
  current: ReadonlySet<string>,
): Promise<void> {
  for (const change of changes) {
    const row: ToolChangeRow = {
      ...{ id: change.id, server: change.server, version: change.version, tool: change.tool, kind: change.kind },
      ...{ state: change.state, current: current.has(change.id) ? 1 : 0, hash: change.hash, problem: change.problem },
      before_json: change.before === null ? null : JSON.stringify(change.before),
      after_json: JSON.stringify(change.after),
      compatible: change.compatible ? 1 : 0,
      canary: change.canary === null ? null : JSON.stringify(change.canary),
      ...{ renamed_from: change.renamedFrom, seen_ms: change.seenMs, decided_by: change.decidedBy },
      ...{ decided_ms: change.decidedMs, decided_why: change.decidedWhy },
    };
    const { id: _, ...rest } = row;
    await trx
      .insertInto('tool_changes')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
      .execute();
  }
}

/** A server that changes all the time fills no disk. What was rejected and is forgotten waits again when it comes back. */
async function forgetOld(trx: Writer, server: string, version: string): Promise<void> {
  await sql`delete from tool_changes where server = ${server} and version = ${version} and current = 0 and id not in (
    select id from tool_changes where server = ${server} and version = ${version} and current = 0
    order by seen_ms desc, id limit ${LIMITS.toolChangesKeptMax})`.execute(trx);
}

/** @param known what is the same in it stays the same object. */
export async function loadPins(
  trx: Writer,
  known: ReadonlyMap<string, ServerPins>,
): Promise<ReadonlyMap<string, ServerPins>> {
  const sets = await trx.selectFrom('tool_pin_sets').select(['server', 'version']).execute();
  const current = await trx.selectFrom('tool_changes').selectAll().where('current', '=', 1).execute();
  const hidden = await trx
    .selectFrom('tool_pins')
    .select(['server', 'version', 'tool', 'problem'])
    .where('problem', 'is not', null)
    .execute();
  const changes = Map.groupBy(current, ({ server, version }) => versionKey(server, version));
  const problems = Map.groupBy(hidden, ({ server, version }) => versionKey(server, version));
  return inOrder(
    sets.map(({ server, version }): [string, ServerPins] => {
      const key = versionKey(server, version);
      const pins: ServerPins = {
        changes: new Map(changes.get(key)?.map((row) => [row.tool, changeOfRow(row)])),
        problems: new Map(problems.get(key)?.map(({ tool, problem }) => [tool, problem ?? ''])),
      };
      const before = known.get(key);
      if (before !== undefined && isSamePins(before, pins)) return [key, before];
      return [key, pins.changes.size === 0 && pins.problems.size === 0 ? NO_PINS : pins];
    }),
  );
}

function isSamePins(a: ServerPins, b: ServerPins): boolean {
  const text = ({ changes, problems }: ServerPins) => JSON.stringify([[...changes].sort(), [...problems].sort()]);
  return a.changes.size === b.changes.size && a.problems.size === b.problems.size && text(a) === text(b);
}

export function pinOfRow(row: ToolPinRow): ToolPin {
  return {
    ...{ tool: row.tool, hash: row.hash, bodyHash: row.body_hash, problem: row.problem },
    definition: parseExact(row.json) as Definition,
    ...{ firstSeenMs: row.first_seen_ms, approvedBy: row.approved_by, approvedMs: row.approved_ms },
  };
}

/** Rows were made by `writeChanges`. */
export function changeOfRow(row: ToolChangeRow): ToolChange {
  return {
    ...{ id: row.id, server: row.server, version: row.version, tool: row.tool, hash: row.hash },
    kind: row.kind as ChangeKind,
    state: row.state as ChangeState,
    before: row.before_json === null ? null : (parseExact(row.before_json) as Definition),
    after: parseExact(row.after_json) as Definition,
    compatible: row.compatible !== 0,
    ...{ renamedFrom: row.renamed_from, problem: row.problem, seenMs: row.seen_ms },
    canary: row.canary === null ? null : (JSON.parse(row.canary) as Canary),
    ...{ decidedBy: row.decided_by, decidedMs: row.decided_ms, decidedWhy: row.decided_why },
  };
}
