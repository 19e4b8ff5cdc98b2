// Decides how a test gets a state of the registry without a registry: documents in, as for `chancery apply`.
import type { StoredDiscovery } from '../../controlplane/registry/discoveries.ts';
import { versionKey } from '../../controlplane/registry/state.ts';
import type { RegistrySnapshot, StoredDocument, VersionStatus } from '../../controlplane/registry/types.ts';
import type { CatalogApiKey, Discovered, Tombstone } from '../../core/catalog/catalog.ts';
import {
  DOCUMENT_KINDS,
  type Document,
  type DocumentKind,
  parseDocument,
  type SecretData,
  type SecretDocument,
} from '../../core/catalog/document.ts';
import { contentHash } from '../../core/runtime/canonical.ts';

/** 2026-01-01T00:00:00Z */
export const SINCE_MS = Date.UTC(2026, 0, 1);

export interface SnapshotInput {
  readonly revision?: number;
  readonly documents?: readonly unknown[];
  /** `<server> <version>` → what discovery would have read. */
  readonly discovered?: Readonly<Record<string, Discovered>>;
  readonly apiKeys?: readonly CatalogApiKey[];
  readonly tombstones?: readonly Tombstone[];
}

/**
 * What is equal in `previous` is the same object, as in the real registry.
 * @throws Error naming what is wrong in a document.
 */
export function registrySnapshot(input: SnapshotInput, previous?: RegistrySnapshot): RegistrySnapshot {
  const secrets = new Map<string, SecretData>();
  const stored = (input.documents ?? []).map((value): StoredDocument => {
    const parsed = parseDocument(value);
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
    const hash = contentHash(parsed.document);
    const before = previous?.find(parsed.document.kind, parsed.document.name);
    if (parsed.document.kind === 'Secret') {
      const data = dataOf(parsed.document);
      const held = previous?.secrets.get(parsed.document.name);
      secrets.set(parsed.document.name, contentHash(held ?? null) === contentHash(data) ? held! : data);
    }
    return before?.hash === hash
      ? before
      : { document: shown(parsed.document), hash, revision: input.revision ?? 1, updatedAtMs: SINCE_MS };
  });
  const kinds = Object.keys(DOCUMENT_KINDS) as DocumentKind[];
  const order = ({ document: { kind, name } }: StoredDocument): string => `${kinds.indexOf(kind)} ${name}`;
  const documents = stored.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const statuses = documents.flatMap(({ document }) =>
    document.kind !== 'Server'
      ? []
      : document.versions.map(({ version, state }): [string, VersionStatus] => {
          const key = versionKey(document.name, version);
          const before = previous?.versions.get(key);
          return [key, before?.state === state ? before : { state, sinceMs: SINCE_MS }];
        }),
  );
  const discoveries = Object.entries(input.discovered ?? {}).map(([key, discovered]): [string, StoredDiscovery] => [
    key,
    { discovered, readAtMs: SINCE_MS, error: null, errorAtMs: null },
  ]);
  return {
    revision: input.revision ?? 1,
    documents,
    find: (kind, name) => documents.find(({ document }) => document.kind === kind && document.name === name),
    discoveries: new Map(discoveries),
    pins: new Map(),
    versions: new Map(statuses),
    secrets,
    apiKeys: new Map((input.apiKeys ?? []).map((key) => [key.id, key])),
    tombstones: input.tombstones ?? [],
  };
}

function dataOf({ type, value, certificate, privateKey }: SecretDocument): SecretData {
  return type === 'opaque'
    ? { type, value: value ?? '' }
    : { type, certificate: certificate ?? '', privateKey: privateKey ?? '' };
}

function shown(document: Document): Document {
  if (document.kind !== 'Secret') return document;
  const { value: _, certificate: _1, privateKey: _2, ...rest } = document;
  return rest;
}
