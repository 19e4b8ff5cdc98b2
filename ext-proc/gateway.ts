// Decides what the parts of ext-proc share: the catalog of the moment and everything that lives as long as the process.
import type { Catalog } from '../core/catalog/catalog.ts';
import type { Verifier } from '../core/identity/verify.ts';
import type { EgressClient } from '../core/mcp/egress.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { SideTable } from '../core/session/side-table.ts';
import type { SessionCodec } from '../core/session/token.ts';
import type { StreamTable } from './streams/table.ts';

/** Sessions that were ended; a token of one is refused until it would have expired anyway. */
export interface Tombstones {
  has(tokenId: string): boolean;
  /** Takes effect here at once, everywhere when the control plane stored it. */
  add(tokenId: string, expiresAtMs: number): void;
}

export interface Gateway {
  /** The newest complete catalog; null before the first. */
  catalog(): Catalog | null;
  /** The codec over the keys of the newest catalog. */
  sessions(): SessionCodec;
  readonly bodyBytesMax: number;
  readonly verifier: Verifier;
  /** An API key was used now; `id` names it. */
  readonly keyUsed: (id: string) => void;
  readonly side: SideTable;
  readonly tombstones: Tombstones;
  readonly egress: EgressClient;
  readonly streams: StreamTable;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Names a decision in the log and to the operator. */
  readonly newDecisionId: () => string;
}
