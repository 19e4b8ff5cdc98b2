// Decides which tables the registry has, as the queries see them; migrations.ts makes them so.
import type { Kysely, Transaction } from 'kysely';

/** One row per document, as it is now. */
export interface ResourceRow {
  readonly kind: string;
  readonly name: string;
  /** Canonical JSON. */
  readonly json: string;
  /** SHA-256 of it, hex. */
  readonly hash: string;
  /** The revision that wrote it last. */
  readonly revision: number;
  readonly updated_at_ms: number;
}

/** Append-only: what each revision changed; `json` is null for a deletion. */
export interface HistoryRow {
  readonly revision: number;
  readonly kind: string;
  readonly name: string;
  readonly json: string | null;
  readonly who: string;
  readonly at_ms: number;
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

export interface TombstoneRow {
  readonly token_id: string;
  readonly expires_at_ms: number;
}

/** `schema` and `revision`. */
export interface MetaRow {
  readonly key: string;
  readonly value: number;
}

export interface Tables {
  readonly resources: ResourceRow;
  readonly history: HistoryRow;
  readonly discoveries: DiscoveryRow;
  readonly tombstones: TombstoneRow;
  readonly meta: MetaRow;
}

export type Database = Kysely<Tables>;
export type Writer = Transaction<Tables>;
