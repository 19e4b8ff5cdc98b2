// Decides what a modern client holds of a call to a legacy server between two of its requests, and to whom it opens.
import { hash } from 'node:crypto';
import type { Asker } from '../../core/catalog/govern.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Gateway } from '../gateway.ts';

export type BridgedState =
  /** The call waits in the process of this name. */
  | { readonly kind: 'parked'; readonly instance: string; readonly id: string }
  /** Nothing waits: the server wants something done before the call is made. */
  | { readonly kind: 'before' };

export type OpenedBridgedState =
  | { readonly ok: true; readonly state: BridgedState }
  | { readonly ok: false; readonly code: Extract<ErrorCode, 'invalid_state' | 'state_gone'>; readonly reason: string };

/** What was asked for: a state goes on with the same request only. */
export function askedFor(method: string, target: string): string {
  return hash('sha256', JSON.stringify([method, target]), 'base64url');
}

export function sealBridged(gateway: Gateway, asker: Asker, asked: string, state: BridgedState): string {
  const payload = state.kind === 'parked' ? [state.kind, asked, state.instance, state.id] : [state.kind, asked];
  return gateway.handles().seal('state', ownerOf(asker), payload, gateway.now() + LIMITS.parkedCallMs);
}

/**
 * "requestState is attacker-controlled: servers MUST verify it" (MCP 2026-07-28, patterns/mrtr). Whoever it was not given
 * to, or brings it with another request, is not told why it is refused; its owner is told when its time is over. Total.
 */
export function openBridged(gateway: Gateway, asker: Asker, asked: string, sealed: string): OpenedBridgedState {
  const opened = gateway.handles().open('state', ownerOf(asker), sealed);
  if (!opened.ok)
    return { ok: false, code: opened.reason === 'expired' ? 'state_gone' : 'invalid_state', reason: opened.reason };
  const [kind, of, instance, id] = opened.payload;
  const isOurs = kind === 'before' || (kind === 'parked' && typeof instance === 'string' && typeof id === 'string');
  if (!isOurs) return { ok: false, code: 'invalid_state', reason: 'another_kind' };
  if (of !== asked) return { ok: false, code: 'invalid_state', reason: 'another_request' };
  return {
    ok: true,
    state: kind === 'before' ? { kind } : { kind: 'parked', instance: String(instance), id: String(id) },
  };
}

/** The owner of what is kept for a principal on a surface; JSON, so that no two read alike. */
export function ownerText({ surface, principal }: Asker): string {
  return JSON.stringify([surface.name, principal.issuer, principal.subject]);
}

function ownerOf({ surface, principal }: Asker) {
  return { surface: surface.name, issuer: principal.issuer, subject: principal.subject };
}
