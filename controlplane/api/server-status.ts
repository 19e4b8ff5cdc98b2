// Decides what is told of how a server was read.
import type { Document } from '../../core/catalog/document.ts';
import type { StoredDiscovery } from '../registry/discoveries.ts';

export interface ServerStatus {
  /** Whether its tools are known. */
  readonly discovered: boolean;
  /** How many tools it shows to a client that can do everything. */
  readonly tools: number;
  /** When it was last read, ISO 8601. */
  readonly readAt?: string;
  /** Why the latest attempt failed. */
  readonly error?: string;
  readonly errorAt?: string;
}

/** Of the version that the document serves; null for other kinds of documents. */
export function serverStatus(document: Document, discoveries: readonly StoredDiscovery[]): ServerStatus | null {
  if (document.kind !== 'Server') return null;
  const version = document.versions[0]?.version;
  const found = discoveries.find((discovery) => discovery.server === document.name && discovery.version === version);
  return {
    discovered: found?.discovered != null,
    tools: found?.discovered?.tools.full.length ?? 0,
    ...(found?.readAtMs == null ? {} : { readAt: new Date(found.readAtMs).toISOString() }),
    ...(found?.error == null ? {} : { error: found.error }),
    ...(found?.errorAtMs == null ? {} : { errorAt: new Date(found.errorAtMs).toISOString() }),
  };
}

/**
 * A document as it came, without the `status` that a GET put beside it, so that what was got can be put back. Only a
 * server has one: in another document it is an unknown member.
 */
export function withoutStatus(value: unknown, kind?: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { status, ...document } = value as Record<string, unknown>;
  const isServer = (kind ?? document.kind) === 'Server';
  return isServer && typeof status === 'object' && status !== null ? document : value;
}
