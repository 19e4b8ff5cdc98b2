// Decides what the control plane may ask of its registry, and the shapes of what it is told.
import type { CatalogApiKey, Tombstone } from '../../core/catalog/catalog.ts';
import type { Document, DocumentKind, SecretData } from '../../core/catalog/document.ts';
import type { LifecycleState } from '../../core/catalog/lifecycle.ts';
import type { ServerPins, ToolChange, ToolPin } from '../pinning/types.ts';
import type { DiscoveryOutcome, SavedDiscovery, StoredDiscovery } from './discoveries.ts';
import type { DocumentName, DocumentProblem } from './problem.ts';
import type { Beside } from './tables.ts';
import type { DecideToolChange, ToolChangeOutcome, ToolChangesQuery, ToolPinsQuery } from './tool-changes.ts';

/** Who does something, for the change log. */
export interface Author {
  /** E.g. `operator-token`, `key:chk_1a2b3c4d`, `https://idp.example alice`. */
  readonly who: string;
  /** In the author's own words; '' for none. */
  readonly why: string;
}

export interface StoredDocument {
  /** A secret's document has none of SECRET_MEMBERS. */
  readonly document: Document;
  /** Of the content; a secret's covers its values, keyed, so that it tells nothing of them. The REST entity tag. */
  readonly hash: string;
  /** The revision that wrote it last. */
  readonly revision: number;
  readonly updatedAtMs: number;
}

/** What is remembered of a version's life, beside its document. */
export interface VersionStatus {
  readonly state: LifecycleState;
  /** When it came into this state. */
  readonly sinceMs: number;
}

/**
 * Everything at one revision, in memory; immutable. What did not change between two snapshots is the same object in both
 * (documents, discoveries, keys): so that what is made of it is made once.
 */
export interface RegistrySnapshot {
  readonly revision: number;
  /** By kind, in the order of DOCUMENT_KINDS, then by name. */
  readonly documents: readonly StoredDocument[];
  /** One of them; undefined when there is none. */
  find(kind: DocumentKind, name: string): StoredDocument | undefined;
  /** `<server> <version>` → what was read from it. */
  readonly discoveries: ReadonlyMap<string, StoredDiscovery>;
  /** `<server> <version>` → what of its tools is not approved; absent: nothing of it was pinned yet. */
  readonly pins: ReadonlyMap<string, ServerPins>;
  /** `<server> <version>` → where it is in its life. */
  readonly versions: ReadonlyMap<string, VersionStatus>;
  /** Name → what the secret holds. Never to be shown. */
  readonly secrets: ReadonlyMap<string, SecretData>;
  /** The keys of agents that are good now, by id. */
  readonly apiKeys: ReadonlyMap<string, CatalogApiKey>;
  /** Those that have not expired. */
  readonly tombstones: readonly Tombstone[];
}

export interface ApplyRequest extends Author {
  /** As they came; they are read here. */
  readonly documents: readonly unknown[];
  readonly deletes?: readonly DocumentName[];
  /** Asked, in the write's own transaction, about the hash that the first document (or deletion) has; null for none. */
  readonly precondition?: (hash: string | null) => boolean;
  /** Asked in the transaction about each change; a sentence refuses the whole write. */
  readonly permit?: (change: ChangedDocument) => string | null;
  /** Nothing is written; the outcome is what it would be. */
  readonly dryRun?: boolean;
}

export interface ChangedDocument extends DocumentName {
  /** null: it is new. */
  readonly before: Document | null;
  /** null: it is deleted. */
  readonly after: Document | null;
}

export interface Change extends DocumentName {
  /** A deletion of what is not there is `unchanged`. */
  readonly change: 'created' | 'updated' | 'unchanged' | 'deleted';
  readonly before: Document | null;
  readonly after: Document | null;
}

export type ApplyOutcome =
  | {
      readonly ok: true;
      /** The revision that holds it; in a dry run the one that would. */
      readonly revision: number;
      /** In the order of the request. */
      readonly changes: readonly Change[];
      /** The state afterwards; in a dry run the one that would be. */
      readonly snapshot: RegistrySnapshot;
    }
  | { readonly ok: false; readonly why: 'invalid'; readonly problems: readonly DocumentProblem[] }
  | { readonly ok: false; readonly why: 'forbidden'; readonly problems: readonly DocumentProblem[] }
  | { readonly ok: false; readonly why: 'precondition' };

/** One entry of the change log, which is append-only: the database refuses to change or delete one. */
export interface LogEntry {
  /** Grows by one with each entry. */
  readonly sequence: number;
  readonly revision: number;
  readonly atMs: number;
  readonly who: string;
  readonly why: string;
  /** A document's kind, `ApiKey`, or `ToolChange` (named `SERVER/TOOL`). */
  readonly kind: string;
  readonly name: string;
  readonly change:
    | 'created'
    | 'updated'
    | 'deleted'
    | 'transition'
    | 'rollback'
    | 'revoked'
    | 'approved'
    | 'rejected'
    | 'canary';
  /** Of a `ToolChange` and a `transition`: the version; of the latter from which state (null: it is new) to which (null: it left). */
  readonly version?: string;
  readonly from?: LifecycleState | null;
  readonly to?: LifecycleState | null;
  /** Of a `rollback`: the revision whose content came back. */
  readonly source?: number;
  /** The document as it was written (without secrets); null for a deletion, undefined where there is none. */
  readonly document?: Document | null;
}

export interface LogQuery {
  readonly kind?: string;
  readonly name?: string;
  /** Only entries before this sequence. */
  readonly before?: number;
  readonly limit: number;
}

export const ROLES = ['viewer', 'operator', 'approver', 'security', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What is kept of a key; the key itself is shown once, and only its hash is stored. */
export interface ApiKey {
  /** Random, part of the key's own text: `chk_<id>_…`. */
  readonly id: string;
  /** The first characters of the key, by which people know it. */
  readonly prefix: string;
  readonly description: string;
  /** `agent`: a bearer token at the gateway. `admin`: one at the REST API. */
  readonly use: 'agent' | 'admin';
  readonly subject: string;
  /** Of an agent. */
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  readonly surfaces: readonly string[];
  /** Of an administrator. */
  readonly roles: readonly Role[];
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}

export type NewApiKey = Pick<
  ApiKey,
  'description' | 'use' | 'subject' | 'groups' | 'scopes' | 'surfaces' | 'roles' | 'expiresAtMs'
>;

/**
 * Every method that writes rejects with a RegistryError when the database fails. Writes are durable when they resolve, and
 * `snapshot()` shows them from then on.
 */
export interface Registry {
  /** Of the newest revision. At once, from memory. */
  snapshot(): RegistrySnapshot;
  /** All of it or nothing; content that is there already leaves the revision as it is. */
  apply(request: ApplyRequest): Promise<ApplyOutcome>;
  /**
   * Brings a document back as it was at `revision` (where it was deleted, it is deleted). Lifecycle states come back with
   * it, whatever may follow what. What a secret held is not kept, so a secret cannot be rolled back ('invalid').
   */
  rollback(
    request: Pick<ApplyRequest, 'who' | 'why' | 'precondition' | 'permit' | 'dryRun'> &
      DocumentName & { readonly revision: number },
  ): Promise<ApplyOutcome>;
  /** Newest first. */
  log(query: LogQuery): Promise<readonly LogEntry[]>;
  createKey(key: NewApiKey, author: Author): Promise<{ readonly key: string; readonly stored: ApiKey }>;
  /** false: there is none of that id, or it is revoked already. It takes effect with the next publication. */
  revokeKey(id: string, author: Author): Promise<boolean>;
  /** All of them, newest first, revoked and expired ones too. */
  keys(): readonly ApiKey[];
  /** The administrator's key with this text; null when there is none that is good now. Constant time. */
  adminKey(text: string): ApiKey | null;
  /** When keys were last used. Loses at most a minute when the process ends. */
  touchKeys(used: ReadonlyMap<string, number>): Promise<void>;
  /** What is read from a version that is not reached any more is dropped. */
  saveDiscovery(server: string, version: string, outcome: DiscoveryOutcome): Promise<SavedDiscovery>;
  /** Newest first. */
  toolChanges(query: ToolChangesQuery): Promise<readonly ToolChange[]>;
  /** null: there is none of that id. */
  toolChange(id: string): Promise<ToolChange | null>;
  /** It takes effect with the next publication. */
  decideToolChange(request: DecideToolChange): Promise<ToolChangeOutcome>;
  /** By version and name. */
  toolPins(query: ToolPinsQuery): Promise<readonly (ToolPin & { readonly version: string })[]>;
  /** Resolves to those that were not known, and have not expired. */
  saveTombstones(tombstones: readonly Tombstone[]): Promise<readonly Tombstone[]>;
  /** Drops what has expired: tombstones, API keys from the snapshot. Resolves to whether there was anything. */
  expire(): Promise<boolean>;
  readonly beside: Beside;
  /** Waits for what is under way. */
  close(): Promise<void>;
}
