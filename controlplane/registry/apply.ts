// Decides what one write does to the registry: all of its documents and deletions, or nothing.
import { DOCUMENT_KINDS, type Document } from '../../core/catalog/document.ts';
import { canonicalJson, contentHash } from '../../core/runtime/canonical.ts';
import { type Claim, type DocumentName, type DocumentProblem, keyOf, readDocuments } from './problem.ts';
import { nextRevision, readRevision } from './revision.ts';
import type { Database, ResourceRow, Writer } from './tables.ts';
import { type Constraints, checkTogether } from './together.ts';

export interface ApplyRequest {
  /** As they came; they are read here. */
  readonly documents: readonly unknown[];
  readonly deletes?: readonly DocumentName[];
  /** Who is noted in the history. */
  readonly who: string;
  /** Asked, in the write's own transaction, about the hash that the first document (or deletion) has; null for none. */
  readonly precondition?: (hash: string | null) => boolean;
}

export interface Change extends DocumentName {
  /** A deletion of what is not there is `unchanged`. */
  readonly change: 'created' | 'updated' | 'unchanged' | 'deleted';
}

export type ApplyOutcome =
  | { readonly ok: true; readonly revision: number; readonly changes: readonly Change[] }
  | { readonly ok: false; readonly why: 'invalid'; readonly problems: readonly DocumentProblem[] }
  | { readonly ok: false; readonly why: 'precondition' };

type Stored = Pick<ResourceRow, 'json' | 'hash'>;

export async function apply(
  db: Database,
  request: ApplyRequest,
  constraints: Constraints,
  nowMs: number,
): Promise<ApplyOutcome> {
  const { documents, deletes = [], who, precondition } = request;
  const reading = readDocuments(documents);
  return db.transaction().execute(async (trx) => {
    const stored = await storedByKey(trx);
    const first = reading.claims[0] ?? deletes[0];
    if (precondition !== undefined && first !== undefined && !precondition(stored.get(keyOf(first))?.hash ?? null)) {
      return { ok: false, why: 'precondition' };
    }
    const together = checkTogether(
      { claims: reading.claims, deletes, documents: documents.length, stored: [...stored.values()].map(documentOf) },
      constraints,
    );
    const problems = [...reading.problems, ...together].sort((a, b) => a.document - b.document);
    if (problems.length > 0) return { ok: false, why: 'invalid', problems };
    return write(trx, { claims: reading.claims, deletes, stored, who, nowMs });
  });
}

interface Write {
  readonly claims: readonly Claim[];
  readonly deletes: readonly DocumentName[];
  readonly stored: ReadonlyMap<string, Stored>;
  readonly who: string;
  readonly nowMs: number;
}

async function write(trx: Writer, { claims, deletes, stored, who, nowMs }: Write): Promise<ApplyOutcome> {
  const changes: Change[] = [
    ...claims.map(({ kind, name, document }): Change => {
      const earlier = stored.get(keyOf({ kind, name }));
      if (earlier === undefined) return { kind, name, change: 'created' };
      return { kind, name, change: earlier.hash === contentHash(document) ? 'unchanged' : 'updated' };
    }),
    ...deletes.map(
      ({ kind, name }): Change => ({ kind, name, change: stored.has(keyOf({ kind, name })) ? 'deleted' : 'unchanged' }),
    ),
  ];
  if (changes.every(({ change }) => change === 'unchanged'))
    return { ok: true, revision: await readRevision(trx), changes };
  const revision = await nextRevision(trx);
  const byKey = new Map(claims.map((claim) => [keyOf(claim), claim.document]));
  for (const { kind, name, change } of changes) {
    if (change === 'unchanged') continue;
    const document = byKey.get(keyOf({ kind, name })) ?? null;
    const json = document === null ? null : canonicalJson(document);
    if (document === null || json === null) {
      await trx.deleteFrom('resources').where('kind', '=', kind).where('name', '=', name).execute();
    } else {
      const values = { json, hash: contentHash(document), revision, updated_at_ms: nowMs };
      await trx
        .insertInto('resources')
        .values({ kind, name, ...values })
        .onConflict((conflict) => conflict.columns(['kind', 'name']).doUpdateSet(values))
        .execute();
    }
    await trx.insertInto('history').values({ revision, kind, name, json, who, at_ms: nowMs }).execute();
    if (kind === 'Server') await forgetOtherVersions(trx, name, document);
  }
  return { ok: true, revision, changes };
}

/** What was read from a version that is no longer served is of no use, and must not come back with its number. */
async function forgetOtherVersions(trx: Writer, server: string, document: Document | null): Promise<void> {
  const served = document?.kind === 'Server' ? document.versions.map(({ version }) => version) : [];
  let query = trx.deleteFrom('discoveries').where('server', '=', server);
  if (served.length > 0) query = query.where('version', 'not in', served);
  await query.execute();
}

async function storedByKey(trx: Writer): Promise<Map<string, Stored>> {
  const rows = await trx.selectFrom('resources').select(['kind', 'name', 'json', 'hash']).execute();
  return new Map(rows.map(({ kind, name, json, hash }) => [`${kind}/${name}`, { json, hash }]));
}

/** Rows were read by their schema when they were written. */
export function documentOf({ json }: Pick<ResourceRow, 'json'>): Document {
  return JSON.parse(json) as Document;
}

/** Kinds in the order of their table, then names by code unit. */
export function documentOrder(a: DocumentName, b: DocumentName): number {
  const kinds = Object.keys(DOCUMENT_KINDS);
  return kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
