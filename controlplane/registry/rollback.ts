// Decides what a document's content at an earlier revision is, as a write that brings it back.

import { jsonAt } from './change-log.ts';
import type { Wanted } from './edit.ts';
import { readStored } from './load.ts';
import type { DocumentName } from './problem.ts';
import type { State } from './state.ts';
import type { Writer } from './tables.ts';

export async function wantedAt(
  trx: Writer,
  state: State,
  { kind, name }: DocumentName,
  revision: number,
): Promise<Wanted> {
  const nothing: Wanted = { claims: [], problems: [], deletes: [], documents: 1, source: revision };
  const refused = (message: string): Wanted => ({ ...nothing, problems: [{ document: 0, path: [], message }] });
  if (kind === 'Secret') return refused('what a secret held is not kept, so it cannot be rolled back: write it anew');
  if (revision > state.revision)
    return refused(`there is no revision ${revision} yet; the newest is ${state.revision}`);
  const json = await jsonAt(trx, { kind, name }, revision);
  if (json === undefined) return refused(`no ${kind} was named "${name}" at revision ${revision}, or before`);
  if (json === null) return { ...nothing, documents: 0, deletes: [{ kind, name }] };
  const read = readStored(json);
  if ('problem' in read)
    return refused(`what it was at revision ${revision} cannot be read any more (${read.problem})`);
  return { ...nothing, claims: [{ kind, name, index: 0, document: read.document, secret: null }] };
}
