// Decides which tables the registry has, as the queries see them; migrations.ts makes them so.
import type { Generated, Kysely, Transaction } from 'kysely';
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

export interface LabelRow {
  readonly holder: string;
  readonly label: string;
  readonly until_ms: number;
}

/** `over_ms`: when its part of the window does not count any more. */
export interface CountRow {
  readonly key: string;
  readonly part: number;
  readonly window_ms: number;
  readonly amount: number;
  readonly over_ms: number;
}

/** The last write of a service that is stored. */
export interface WriterRow {
  readonly writer: string;
  readonly sequence: number;
  readonly seen_ms: number;
}

/** `deciders` is JSON; `used_by` the write that used it. */
export interface ApprovalRow {
  readonly id: string;
  readonly hash: string;
  readonly state: string;
  readonly surface: string;
  readonly issuer: string;
  readonly subject: string;
  readonly target: string;
  readonly rule: string;
  readonly reason: string;
  readonly deciders: string;
  readonly shown: string | null;
  readonly requested_ms: number;
  readonly expires_ms: number;
  readonly decided_by: string | null;
  readonly decided_ms: number | null;
  readonly decided_why: string | null;
  readonly used_ms: number | null;
  readonly used_by: string | null;
}

export interface DecisionRow {
  /** Given by the database. */
  readonly sequence: Generated<number>;
  readonly id: string;
  readonly at_ms: number;
  readonly surface: string;
  readonly subject: string;
  readonly target: string;
  readonly outcome: string;
  readonly json: string;
}

/** A version whose tools were pinned once. */
export interface ToolPinSetRow {
  readonly server: string;
  readonly version: string;
  readonly since_ms: number;
}

/** `json`: the definition. */
export interface ToolPinRow {
  readonly server: string;
  readonly version: string;
  readonly tool: string;
  readonly hash: string;
  readonly body_hash: string;
  readonly json: string;
  readonly problem: string | null;
  readonly first_seen_ms: number;
  readonly approved_by: string | null;
  readonly approved_ms: number;
}

/** `current`: 1 while the server says it and it is not approved. */
export interface ToolChangeRow {
  readonly id: string;
  readonly server: string;
  readonly version: string;
  readonly tool: string;
  readonly kind: string;
  readonly state: string;
  readonly current: number;
  readonly before_json: string | null;
  readonly after_json: string;
  readonly hash: string;
  readonly compatible: number;
  readonly renamed_from: string | null;
  readonly problem: string | null;
  readonly canary: string | null;
  readonly seen_ms: number;
  readonly decided_by: string | null;
  readonly decided_ms: number | null;
  readonly decided_why: string;
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
  readonly ledger_labels: LabelRow;
  readonly ledger_counts: CountRow;
  readonly ledger_writers: WriterRow;
  readonly approvals: ApprovalRow;
  readonly decisions: DecisionRow;
  readonly tool_pin_sets: ToolPinSetRow;
  readonly tool_pins: ToolPinRow;
  readonly tool_changes: ToolChangeRow;
}

/** What is kept in the database beside revisions and the change log: writes come one after another with all others. */
export interface Beside {
  /** In one transaction, begun as a writer. @throws RegistryError; then nothing was written. */
  write<Value>(work: (trx: Writer) => Promise<Value>): Promise<Value>;
  /** @throws RegistryError */
  read<Value>(work: (db: Database) => Promise<Value>): Promise<Value>;
}

export type Database = Kysely<Tables>;
export type Writer = Transaction<Tables>;
