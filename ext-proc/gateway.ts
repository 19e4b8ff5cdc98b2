// Decides what the parts of ext-proc share: the catalog of the moment and everything that lives as long as the process.
import type { Catalog } from '../core/catalog/catalog.ts';
import type { Verifier } from '../core/identity/verify.ts';
import type { DecisionRecord } from '../core/ledger-client/decision-record.ts';
import type { EgressClient } from '../core/mcp/egress.ts';
import type { EgressCalls } from '../core/mcp/egress-call.ts';
import type { Ledger } from '../core/policy/ledger.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { HandleCodec } from '../core/session/handles.ts';
import type { SideTable } from '../core/session/side-table.ts';
import type { SessionCodec } from '../core/session/token.ts';
import type { Bridges } from './bridging/bridges.ts';
import type { AskedTable } from './compose/identifiers.ts';
import type { KnownTasks } from './compose/task-ids.ts';
import type { UnderwayTable } from './compose/underway.ts';
import type { IdentityTokens } from './identity-tokens.ts';
import type { Instances } from './instances/instances.ts';
import type { LiveTable } from './live.ts';
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
  /** The codec of what else a client holds, over the same keys. */
  handles(): HandleCodec;
  readonly bodyBytesMax: number;
  readonly verifier: Verifier;
  /** An API key was used now; `id` names it. */
  readonly keyUsed: (id: string) => void;
  readonly side: SideTable;
  readonly tombstones: Tombstones;
  readonly egress: EgressClient;
  /** Calls whose answers are passed on as they come. */
  readonly calls: EgressCalls;
  /** By which ids clients know the requests of backends. */
  readonly asked: AskedTable;
  /** Whose the tasks of backends are. */
  readonly tasks: KnownTasks;
  /** Which backends have the calls that are composed here. */
  readonly underway: UnderwayTable;
  readonly streams: StreamTable;
  /** What servers are told of who calls. */
  readonly identityTokens: IdentityTokens;
  /** What is under way for whom, so that it ends when its caller does not count any more. */
  readonly live: LiveTable;
  /** Calls between the eras that wait for somebody. */
  readonly bridges: Bridges;
  /** A decision was made; kept where that is possible. */
  readonly recorded: (record: DecisionRecord) => void;
  /** What calls leave behind for later ones. */
  readonly ledger: Ledger;
  /** The other ext-proc, in which others wait. */
  readonly instances: Instances;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Names a decision in the log and to the operator. */
  readonly newDecisionId: () => string;
}
