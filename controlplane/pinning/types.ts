// Decides the shapes of what is remembered of the tools of a server version.
import type { Canary } from '../../core/catalog/catalog.ts';
import type { Definition } from './definition.ts';

/** The definition of a tool that is approved. */
export interface ToolPin {
  readonly tool: string;
  readonly hash: string;
  /** See `bodyHash`. */
  readonly bodyHash: string;
  readonly definition: Definition;
  /** Why it is shown to nobody: its inputSchema cannot be checked. */
  readonly problem: string | null;
  readonly firstSeenMs: number;
  /** null: it was there when the version was read first. */
  readonly approvedBy: string | null;
  readonly approvedMs: number;
}

/**
 * `pending`: it waits. `rejected`: it does not, and is not shown either. `withdrawn`: the server took it back, or changed
 * the tool once more.
 */
export const CHANGE_STATES = ['pending', 'approved', 'rejected', 'withdrawn'] as const;
export type ChangeState = (typeof CHANGE_STATES)[number];

/** `first`: the version was read for the first time; `new`: it had no such tool then. */
export const CHANGE_KINDS = ['first', 'new', 'changed'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Something that a server says of a tool and that is not approved, or was not at first. */
export interface ToolChange {
  /** The same for the same tool, of the same version, from the same definition to the same. */
  readonly id: string;
  readonly server: string;
  readonly version: string;
  readonly tool: string;
  readonly kind: ChangeKind;
  readonly state: ChangeState;
  /** What is approved; null: nothing. */
  readonly before: Definition | null;
  readonly after: Definition;
  /** Hash of `after`. */
  readonly hash: string;
  readonly compatible: boolean;
  /** The tool that is gone and was the same in all but its name. */
  readonly renamedFrom: string | null;
  readonly problem: string | null;
  /** null: as the server's document says. */
  readonly canary: Canary | null;
  readonly seenMs: number;
  readonly decidedBy: string | null;
  readonly decidedMs: number | null;
  readonly decidedWhy: string;
}

/** What of the pins of one version is in memory: only what makes it another than it was read. */
export interface ServerPins {
  /** By tool: what the server says now and is not approved, pending or rejected. */
  readonly changes: ReadonlyMap<string, ToolChange>;
  /** By tool: why an approved definition is not shown. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Who decides where a rule does. */
export const BY_RULE = 'rule';
