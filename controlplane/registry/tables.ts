// Decides which tables the registry has, as the queries see them; migrations.ts makes them so.
import type { Kysely, Transaction } from 'kysely';
import type { LogEntry } from './types.ts';

/** One row per document, as it is now. */
export interface ResourceRow {
  readonly kind: string;
  readonly name: string;
  /** Canonical JSON, of a secret without what it holds. */
  readonly json: string;
  /** See `Seal.hash`. */
  readonly hash: string;
  /** The revision that wrote it last. */
  readonly revision: number;
  readonly updated_at_ms: number;
}

/** What a secret holds; see `Seal.seal`. */
export interface SecretRow {
  readonly name: string;
  readonly sealed: Buffer;
}

/** Append-only, which triggers hold. `json` is null for a deletion and for what is no document. */
export interface LogRow {
  readonly sequence: number;
  readonly revision: number;
  readonly at_ms: number;
  readonly who: string;
  readonly why: string;
  readonly kind: string;
  readonly name: string;
  readonly change: LogEntry['change'];
  readonly version: string | null;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly source: number | null;
  readonly json: string | null;
}

/** Since when a version is in its state. */
export interface VersionRow {
  readonly server: string;
  readonly version: string;
  readonly state: string;
  readonly since_ms: number;
}

/** What was last read from a server version, beside what failed since. */
export interface DiscoveryRow {
  readonly server: string;
  readonly version: string;
  readonly json: string | null;
  readonly hash: string | null;
  readonly read_at_ms: number | null;
  readonly error: string | null;
  readonly error_at_ms: number | null;
}

/** Members that are lists are JSON. */
export interface ApiKeyRow {
  readonly id: string;
  readonly sha256: string;
  readonly prefix: string;
  readonly description: string;
  readonly use: string;
  readonly subject: string;
  readonly groups: string;
  readonly scopes: string;
  readonly surfaces: string;
  readonly roles: string;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly expires_at_ms: number;
  readonly revoked_at_ms: number | null;
  readonly last_used_at_ms: number | null;
  /** 1 when it was revoked, or when a revision took it out of the catalog because it had expired. */
  readonly ended: number;
}

export interface TombstoneRow {
  readonly token_id: string;
  readonly expires_at_ms: number;
}

/** `schema`, `revision`, `writes`; and `key_check`, whose value is in `text`. */
export interface MetaRow {
  readonly key: string;
  readonly value: number;
  readonly text: string | null;
}

export interface Tables {
  readonly resources: ResourceRow;
  readonly secrets: SecretRow;
  /** `sequence` is given by the database. */
  readonly log: LogRow;
  readonly versions: VersionRow;
  readonly discoveries: DiscoveryRow;
  readonly api_keys: ApiKeyRow;
  readonly tombstones: TombstoneRow;
  readonly meta: MetaRow;
}

export type Database = Kysely<Tables>;
export type Writer = Transaction<Tables>;
