// Decides how a call came, and what earlier ones left, for the rules that ask.
import type { Situation } from '../core/catalog/govern.ts';
import { labelsOf, principalHolders, sessionHolders } from '../core/policy/holder.ts';
import type { Principal } from '../core/policy/types.ts';
import type { SessionState } from '../core/session/types.ts';
import type { Gateway } from './gateway.ts';

/** Before its message is read: era and version are those of a caller who has not said any. `address`: '' is not known. */
export function situationOf({ now }: Gateway, address = ''): Situation {
  return { era: 'legacy', protocolVersion: '', address: address === '' ? null : address, labels: () => [], now };
}

/** Of a call in a session. */
export function inSession(situation: Situation, gateway: Gateway, session: SessionState): Situation {
  const labels = labelsOf(gateway.ledger, sessionHolders(session.tokenId));
  return { ...situation, era: 'legacy', protocolVersion: session.protocolVersion, labels };
}

/** Of a call of the modern era. */
export function ofPrincipal(
  situation: Situation,
  gateway: Gateway,
  principal: Principal,
  protocolVersion: string,
): Situation {
  return {
    ...situation,
    era: 'modern',
    protocolVersion,
    labels: labelsOf(gateway.ledger, principalHolders(principal)),
  };
}
