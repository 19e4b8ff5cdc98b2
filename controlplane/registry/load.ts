// Decides how the state in memory is read from the database.
import { type Document, type DocumentKind, parseDocument, type SecretData } from '../../core/catalog/document.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { keptKeyOf, toCatalog } from './api-keys.ts';
import { inOrder } from './changed-map.ts';
import { readCounters } from './counters.ts';
import { discoveryOf } from './discoveries.ts';
import { RegistryError } from './error.ts';
import { loadPins } from './pins.ts';
import { changedReferences } from './references.ts';
import type { Seal } from './seal.ts';
import { EMPTY_STATE, type State, versionKey } from './state.ts';
import type { ResourceRow, Writer } from './tables.ts';
import type { StoredDocument, VersionStatus } from './types.ts';

export interface Source {
  /** Of the database, for messages. */
  readonly path: string;
  readonly seal: Seal;
}

/** @param known what is the same in it stays the same object. @throws RegistryError */
export async function loadState(trx: Writer, source: Source, known: State = EMPTY_STATE): Promise<State> {
  const counters = await readCounters(trx);
  const secrets = await loadSecrets(trx, source, known);
  const documents = await loadDocuments(trx, source, known, secrets);
  const keys = (await trx.selectFrom('api_keys').selectAll().execute()).map(keptKeyOf);
  const discoveries = await trx.selectFrom('discoveries').selectAll().execute();
  const tombstones = await trx.selectFrom('tombstones').selectAll().execute();
  const agents = keys.filter(({ stored, ended }) => stored.use === 'agent' && !ended);
  return {
    ...counters,
    documents,
    references: changedReferences(
      new Map(),
      [...documents.Server.values(), ...documents.Surface.values()].map(({ document }) => ({
        before: null,
        after: document,
      })),
    ),
    discoveries: inOrder(
      discoveries.map((row) => {
        const key = versionKey(row.server, row.version);
        return [key, discoveryOf(row, known.discoveries.get(key))];
      }),
    ),
    pins: await loadPins(trx, known.pins),
    versions: await loadVersions(trx, documents, known),
    secrets,
    keys: inOrder(keys.map((key) => [key.stored.id, key])),
    apiKeys: inOrder(agents.map((key) => [key.stored.id, known.apiKeys.get(key.stored.id) ?? toCatalog(key)])),
    tombstones: inOrder(
      tombstones.map(({ token_id: tokenId, expires_at_ms: expiresAtMs }) => [tokenId, { tokenId, expiresAtMs }]),
    ),
  };
}

async function loadSecrets(trx: Writer, { path, seal }: Source, known: State): Promise<State['secrets']> {
  const rows = await trx.selectFrom('secrets').selectAll().execute();
  return inOrder(
    rows.map(({ name, sealed }): [string, SecretData] => {
      const data = seal.open(name, sealed);
      if (data !== null) {
        const earlier = known.secrets.get(name);
        return [name, earlier !== undefined && canonicalJson(earlier) === canonicalJson(data) ? earlier : data];
      }
      throw new RegistryError(
        `the registry ${path} holds a secret "${name}" that does not open: it was altered; restore a backup`,
      );
    }),
  );
}

async function loadDocuments(
  trx: Writer,
  source: Source,
  known: State,
  secrets: State['secrets'],
): Promise<State['documents']> {
  const rows = await trx.selectFrom('resources').selectAll().orderBy('name').execute();
  const documents = new Map<string, [string, StoredDocument][]>();
  for (const row of rows) {
    const earlier = known.documents[row.kind as DocumentKind]?.get(row.name);
    const same = earlier?.hash === row.hash && earlier.revision === row.revision;
    const stored = same ? earlier : storedOf(row, source, secrets.get(row.name) ?? null);
    const list = documents.get(row.kind) ?? [];
    list.push([row.name, stored]);
    documents.set(row.kind, list);
  }
  const all = Object.keys(EMPTY_STATE.documents).map((kind) => [kind, inOrder(documents.get(kind) ?? [])]);
  return Object.fromEntries(all) as State['documents'];
}

/**
 * Read by today's schema: an earlier one had fewer members, and their defaults belong to the document.
 *
 * One that cannot be read keeps the registry from opening. To go on without it would be no small loss: in a policy it may
 * be the rule that denies. It is found before a migration is committed, so that the Chancery that wrote it still starts.
 */
function storedOf(row: ResourceRow, { path, seal }: Source, secret: SecretData | null): StoredDocument {
  const read = readStored(row.json);
  if ('problem' in read) {
    throw new RegistryError(
      `the registry ${path} holds ${row.kind} "${row.name}", which cannot be read (${read.problem}): change or delete it with the Chancery that wrote it, or restore a backup`,
    );
  }
  const { document } = read;
  if (document.kind === 'Secret' && secret === null) {
    throw new RegistryError(
      `the registry ${path} holds a secret "${row.name}" without its values: it was altered; restore a backup`,
    );
  }
  const unchanged = canonicalJson(document) === row.json;
  return {
    document,
    hash: unchanged ? row.hash : seal.hash(document, document.kind === 'Secret' ? secret : null),
    revision: row.revision,
    updatedAtMs: row.updated_at_ms,
  };
}

export function readStored(json: string): { readonly document: Document } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { problem: 'not JSON' };
  }
  const result = parseDocument(value);
  if ('document' in result) return result;
  const [problem] = result.problems;
  return { problem: `${problem?.path.join('.') ?? ''}: ${problem?.message ?? ''}` };
}

async function loadVersions(trx: Writer, documents: State['documents'], known: State): Promise<State['versions']> {
  const rows = await trx.selectFrom('versions').selectAll().execute();
  const since = new Map(rows.map((row) => [versionKey(row.server, row.version), row.since_ms]));
  const versions: [string, VersionStatus][] = [];
  for (const { document, updatedAtMs } of documents.Server.values()) {
    if (document.kind !== 'Server') continue;
    for (const { version, state } of document.versions) {
      const key = versionKey(document.name, version);
      const sinceMs = since.get(key) ?? updatedAtMs;
      const earlier = known.versions.get(key);
      const same = earlier?.state === state && earlier.sinceMs === sinceMs;
      versions.push([key, same ? earlier : { state, sinceMs }]);
    }
  }
  return inOrder(versions);
}
