// Decides how the registry remembers what was read from a server version, and what went wrong since.
import type { Discovered } from '../../core/catalog/catalog.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { documentOf } from './apply.ts';
import { nextRevision, readRevision } from './revision.ts';
import type { Database, DiscoveryRow, Writer } from './tables.ts';

export interface StoredDiscovery {
  readonly server: string;
  readonly version: string;
  /** The last good reading; a later failure does not remove it. */
  readonly discovered: Discovered | null;
  readonly readAtMs: number | null;
  /** Why the latest attempt failed; null when it did not. */
  readonly error: string | null;
  readonly errorAtMs: number | null;
}

export type DiscoveryOutcome =
  | { readonly ok: true; readonly discovered: Discovered }
  | { readonly ok: false; readonly error: string };

export interface SavedDiscovery {
  /** Whether what is known of the server is another than before: only then is there anything to publish. */
  readonly changed: boolean;
  readonly revision: number;
}

/** An outcome for a server version that is no longer registered is dropped. */
export async function saveDiscovery(
  db: Database,
  server: string,
  version: string,
  outcome: DiscoveryOutcome,
  nowMs: number,
): Promise<SavedDiscovery> {
  return db.transaction().execute(async (trx) => {
    if (!(await isServed(trx, server, version))) return { changed: false, revision: await readRevision(trx) };
    const earlier = await trx
      .selectFrom('discoveries')
      .select('hash')
      .where('server', '=', server)
      .where('version', '=', version)
      .executeTakeFirst();
    const changed = outcome.ok && outcome.discovered.hash !== earlier?.hash;
    const values = outcome.ok
      ? {
          json: canonicalJson(outcome.discovered),
          hash: outcome.discovered.hash,
          read_at_ms: nowMs,
          error: null,
          error_at_ms: null,
        }
      : { error: outcome.error, error_at_ms: nowMs };
    await trx
      .insertInto('discoveries')
      .values({ server, version, json: null, hash: null, read_at_ms: null, ...values })
      .onConflict((conflict) => conflict.columns(['server', 'version']).doUpdateSet(values))
      .execute();
    return { changed, revision: changed ? await nextRevision(trx) : await readRevision(trx) };
  });
}

async function isServed(trx: Writer, server: string, version: string): Promise<boolean> {
  const row = await trx
    .selectFrom('resources')
    .select('json')
    .where('kind', '=', 'Server')
    .where('name', '=', server)
    .executeTakeFirst();
  if (row === undefined) return false;
  const document = documentOf(row);
  return document.kind === 'Server' && document.versions.some((served) => served.version === version);
}

export function discoveryOf(row: DiscoveryRow): StoredDiscovery {
  return {
    server: row.server,
    version: row.version,
    discovered: row.json === null ? null : shareLists(JSON.parse(row.json) as Discovered),
    readAtMs: row.read_at_ms,
    error: row.error,
    errorAtMs: row.error_at_ms,
  };
}

const LISTS = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const;

/** Lists that are equal for every client are one array again, so that their index is made once. */
function shareLists(discovered: Discovered): Discovered {
  const shared: Partial<Record<(typeof LISTS)[number], Discovered['tools']>> = {};
  for (const list of LISTS) {
    const { bare, full } = discovered[list];
    shared[list] = JSON.stringify(bare) === JSON.stringify(full) ? { bare, full: bare } : { bare, full };
  }
  return { ...discovered, ...shared };
}
