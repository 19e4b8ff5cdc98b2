// Decides what one write does to the registry: all of its documents and deletions, or nothing.
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { inBatches } from './batches.ts';
import { documentEntries } from './change-log.ts';
import { type Edit, edited, editsOf, transitionsOf, type Wanted } from './edit.ts';
import type { Seal } from './seal.ts';
import { type State, snapshotOf } from './state.ts';
import type { Written } from './store.ts';
import type { Writer } from './tables.ts';
import { type Constraints, checkTogether } from './together.ts';
import type { ApplyOutcome, ApplyRequest, Author, Change } from './types.ts';

/** How it is asked for, beside what is wanted. */
export type Terms = Author & Pick<ApplyRequest, 'precondition' | 'permit' | 'dryRun'>;

export interface Desk {
  readonly seal: Seal;
  readonly constraints: Constraints;
  readonly nowMs: number;
}

export async function apply(
  trx: Writer,
  state: State,
  wanted: Wanted,
  terms: Terms,
  desk: Desk,
): Promise<Written<ApplyOutcome>> {
  const refused = (value: ApplyOutcome): Written<ApplyOutcome> => ({ value, next: null });
  const first = wanted.claims[0] ?? wanted.deletes[0];
  const firstHash = first === undefined ? null : (state.documents[first.kind].get(first.name)?.hash ?? null);
  if (terms.precondition !== undefined && first !== undefined && !terms.precondition(firstHash)) {
    return refused({ ok: false, why: 'precondition' });
  }
  const edits = editsOf(state, wanted, desk.seal, desk.nowMs);
  const next = edited(state, edits, desk.nowMs);
  const problems = [
    ...wanted.problems,
    ...checkTogether(wanted, state, next, desk.constraints, terms.dryRun === true || terms.why !== ''),
  ];
  if (problems.length > 0) {
    return refused({ ok: false, why: 'invalid', problems: problems.sort((a, b) => a.document - b.document) });
  }
  const changes = edits.map(changeOf);
  const forbidden = edits.flatMap(({ index, change }, place) => {
    const { kind, name, before, after } = changes[place]!;
    const message = change === 'unchanged' ? null : (terms.permit?.({ kind, name, before, after }) ?? null);
    return message === null ? [] : [{ document: index, path: [], message }];
  });
  if (forbidden.length > 0) return refused({ ok: false, why: 'forbidden', problems: forbidden });
  const value: ApplyOutcome = { ok: true, revision: next.revision, changes, snapshot: snapshotOf(next) };
  if (next === state || terms.dryRun === true) return refused(value);
  const { who, why } = terms;
  const { source } = wanted;
  await write(trx, edits, {
    ...{ author: { who, why }, revision: next.revision, nowMs: desk.nowMs, seal: desk.seal },
    ...(source === undefined ? {} : { source }),
  });
  return { value, next };
}

function changeOf({ kind, name, change, before, after }: Edit): Change {
  return { kind, name, change, before: before?.document ?? null, after: after?.document ?? null };
}

type Noted = Parameters<typeof documentEntries>[1] & { readonly seal: Seal };

/** Rows of what changed, many to a statement: a write of thousands of documents is a few dozen statements. */
async function write(trx: Writer, all: readonly Edit[], { seal, ...noted }: Noted): Promise<void> {
  const edits = all.filter(({ change }) => change !== 'unchanged');
  const written = edits.flatMap(({ kind, name, after }) => (after === null ? [] : [{ kind, name, after }]));
  await inBatches(written, (batch) =>
    trx
      .insertInto('resources')
      .values(
        batch.map(({ kind, name, after: { document, hash, revision, updatedAtMs } }) => ({
          ...{ kind, name, json: canonicalJson(document), hash, revision, updated_at_ms: updatedAtMs },
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['kind', 'name']).doUpdateSet((row) => ({
          json: row.ref('excluded.json'),
          hash: row.ref('excluded.hash'),
          revision: row.ref('excluded.revision'),
          updated_at_ms: row.ref('excluded.updated_at_ms'),
        })),
      )
      .execute(),
  );
  for (const { kind, name, after } of edits) {
    if (after !== null) continue;
    await trx.deleteFrom('resources').where('kind', '=', kind).where('name', '=', name).execute();
  }
  await inBatches(
    edits.flatMap((edit) => documentEntries(edit, noted)),
    (batch) => trx.insertInto('log').values(batch).execute(),
  );
  await writeSecrets(trx, edits, seal);
  await writeVersions(trx, edits, noted.nowMs);
}

async function writeSecrets(trx: Writer, edits: readonly Edit[], seal: Seal): Promise<void> {
  for (const { kind, name, secret } of edits) {
    if (kind !== 'Secret') continue;
    if (secret === null) {
      await trx.deleteFrom('secrets').where('name', '=', name).execute();
      continue;
    }
    const sealed = seal.seal(name, secret);
    await trx
      .insertInto('secrets')
      .values({ name, sealed })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ sealed }))
      .execute();
  }
}

async function writeVersions(trx: Writer, edits: readonly Edit[], nowMs: number): Promise<void> {
  const moves = edits.flatMap(transitionsOf);
  await inBatches(
    moves.flatMap(({ server, version, to }) => (to === null ? [] : [{ server, version, state: to }])),
    (batch) =>
      trx
        .insertInto('versions')
        .values(batch.map((row) => ({ ...row, since_ms: nowMs })))
        .onConflict((conflict) =>
          conflict
            .columns(['server', 'version'])
            .doUpdateSet((row) => ({ state: row.ref('excluded.state'), since_ms: row.ref('excluded.since_ms') })),
        )
        .execute(),
  );
  for (const { server, version, to } of moves) {
    if (to !== null) continue;
    for (const table of ['versions', 'discoveries', 'tool_pin_sets', 'tool_pins', 'tool_changes'] as const) {
      await trx.deleteFrom(table).where('server', '=', server).where('version', '=', version).execute();
    }
  }
}
