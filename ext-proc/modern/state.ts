// Decides what a client holds of a request's state: the server's own text, sealed for this caller, this surface and a time.
import type { Asker } from '../../core/catalog/govern.ts';
import { LIMITS } from '../../core/limits.ts';
import { ownerOf } from '../federation/pages.ts';
import type { Gateway } from '../gateway.ts';

/** Of which server version, and the raw JSON text of what it said: byte for byte what it gets back. */
export interface RequestState {
  readonly server: string;
  readonly version: string;
  readonly text: string;
}

/** First of the payload; other states of the same handle kind begin otherwise. */
const OF_SERVER = 'server';
const OF_APPROVAL = 'approval';

/** Null: it is larger than what a client could bring back. */
export function sealState(gateway: Gateway, asker: Asker, { server, version, text }: RequestState): string | null {
  const expiresAtMs = gateway.now() + LIMITS.requestStateTtlMs;
  const sealed = gateway.handles().seal('state', ownerOf(asker), [OF_SERVER, server, version, text], expiresAtMs);
  return sealed.length > LIMITS.handleCharsMax ? null : sealed;
}

export type OpenedState =
  | { readonly ok: true; readonly state: RequestState }
  | { readonly ok: false; readonly reason: string };

/** "requestState is attacker-controlled: servers MUST verify it" (MCP 2026-07-28, patterns/mrtr). Total. */
export function openState(gateway: Gateway, asker: Asker, sealed: string): OpenedState {
  const opened = gateway.handles().open('state', ownerOf(asker), sealed);
  if (!opened.ok) return opened;
  const [kind, server, version, text] = opened.payload;
  if (kind !== OF_SERVER || typeof server !== 'string' || typeof version !== 'string' || typeof text !== 'string')
    return { ok: false, reason: 'malformed' };
  return { ok: true, state: { server, version, text } };
}

/** Null: it is larger than what a client could bring back. */
export function sealApproval(gateway: Gateway, asker: Asker, id: string, expiresAtMs: number): string | null {
  const sealed = gateway.handles().seal('state', ownerOf(asker), [OF_APPROVAL, id], expiresAtMs);
  return sealed.length > LIMITS.handleCharsMax ? null : sealed;
}

/** Whether a state says which approval its call waits for: then it is ours, and no server has to see it. Total. */
export function isApprovalState(gateway: Gateway, asker: Asker, sealed: string): boolean {
  const opened = gateway.handles().open('state', ownerOf(asker), sealed);
  return opened.ok && opened.payload[0] === OF_APPROVAL;
}
