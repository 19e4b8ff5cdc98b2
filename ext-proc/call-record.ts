// Decides what Envoy is told of a call that goes to a server, for its access log and, where Envoy carries it, for its repair.
import type { Exposed } from '../core/catalog/exposure.ts';
import { METADATA } from '../core/contract.ts';
import type { Relay } from '../core/grpc/ext-proc.ts';
import type { CallHead } from '../core/mcp/egress-call.ts';
import type { Decision } from '../core/policy/types.ts';
import { NO_SESSION, repairContext } from './backend/repair-context.ts';
import { deprecationMetadata } from './federation/deprecated.ts';
import type { Outcome } from './outcome.ts';

/**
 * Of a call that Envoy carries. `token`: what its repair goes by, the session token as the client sent it. `transparent`:
 * the server's errors are its client's, see backend-answers.ts.
 */
export function relayedMetadata(
  { version, name }: Exposed,
  decision: Decision,
  idText: string,
  token: string,
  transparent: boolean,
): Relay['metadata'] {
  return {
    namespace: METADATA.namespace,
    values: [
      [METADATA.id, idText],
      [METADATA.repair, repairContext(token, version, idText)],
      [METADATA.server, version.name],
      [METADATA.tool, name],
      [METADATA.decision, decision.id],
      ...(transparent ? [[METADATA.transparent, '1'] as const] : []),
      ...(token === NO_SESSION ? [[METADATA.modern, '1'] as const] : []),
      ...deprecationMetadata(version),
    ],
  };
}

/** A call that ext-proc makes itself. `bridged`: to a server of the other era. */
export interface OwnCall {
  readonly lane: 'composed' | 'bridged';
  readonly exposed: Exposed;
  readonly decision: Decision;
}

/** `head`: how the server's answer began, with Envoy's word of who gave it; null: it did not. */
export function withRecord(outcome: Outcome, { lane, exposed, decision }: OwnCall, head: CallHead | null): Outcome {
  const values: [string, string][] = [
    [METADATA.server, exposed.version.name],
    [METADATA.tool, exposed.name],
    [METADATA.decision, decision.id],
    [METADATA.lane, lane],
    [METADATA.rules, decision.ruleIds.join(' ')],
    [METADATA.cluster, exposed.version.cluster],
  ];
  if (head?.by !== undefined) values.push([METADATA.replica, head.by.replica], [METADATA.attempts, head.by.attempts]);
  const metadata = { namespace: METADATA.namespace, values };
  if (outcome.kind === 'immediate') return { kind: 'immediate', answer: { ...outcome.answer, metadata } };
  return outcome.kind === 'stream' ? { ...outcome, metadata } : outcome;
}
