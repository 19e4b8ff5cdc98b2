// Decides which servers are read: every one that is registered, at the version that it serves.
import type { Backend } from '../catalog/build.ts';
import type { StoredDocument } from '../registry/registry.ts';
import type { ReadTarget } from './session.ts';

export interface DiscoveryTarget extends ReadTarget {
  /** Of the server's document: when it changes, the server is read at once. */
  readonly documentHash: string;
}

/** Both are of one revision. */
export function discoveryTargets(
  backends: readonly Backend[],
  documents: readonly Pick<StoredDocument, 'document' | 'hash'>[],
): readonly DiscoveryTarget[] {
  const servers = documents.filter(({ document }) => document.kind === 'Server');
  const hashes = new Map(servers.map(({ document, hash }) => [document.name, hash]));
  return backends.map(({ server: { name, version, cluster, path } }) => ({
    server: name,
    version,
    cluster,
    path,
    documentHash: hashes.get(name) ?? '',
  }));
}
