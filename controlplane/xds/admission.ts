// Decides who may have a stream, as which node of which group, and who may ask for what is secret.
import { NODE_GROUPS } from '../../core/contract.ts';
import type { AdsNode } from '../../core/grpc/ads.ts';
import type { Variant } from '../../core/grpc/xds-methods.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Identity } from '../../core/xds-client/identity.ts';
import type { NodeInfo, Transport } from './nodes.ts';
import { clientOf, GROUP_TYPES } from './resource-types.ts';
import type { Refusal } from './stream.ts';

/** What is known of a client before it says anything. */
export interface Peer {
  readonly transport: Transport;
  readonly variant: Variant;
  /** The one type of a separate stream; null: all (ADS). */
  readonly typeUrl: string | null;
  /** What its certificate says; null without one. */
  readonly identity: Identity | null;
}

/** @param groupOf the group of a node by what it says of itself. */
export function admit(
  node: AdsNode | null,
  { transport, variant, identity }: Peer,
  groupOf: (info: NodeInfo) => string,
): { readonly info: NodeInfo; readonly group: string } | Refusal {
  if (node === null || node.id === '' || node.id.length > LIMITS.xdsNodeIdCharsMax) {
    const message = `the first request must have a node.id of 1 to ${LIMITS.xdsNodeIdCharsMax} characters`;
    return { code: 'INVALID_ARGUMENT', message };
  }
  const client = clientOf(node.cluster);
  // Without keys they cannot work; somebody who says that he is one would be told of policies and principals.
  if (transport === 'tcp' && client !== NODE_GROUPS.envoy) {
    return {
      code: 'PERMISSION_DENIED',
      message: `${client} is served on the Unix socket and to clients with a certificate only`,
    };
  }
  const { id, cluster, metadata = {}, zone = '', userAgent = '' } = node;
  const info = { id, client, transport, variant, userAgent, metadata, cluster, zone };
  const group = groupOf(info);
  return forbidden(identity, info, group) ?? { info, group };
}

/** "The certificate fixes the node id and group": what a node says of itself beside it must be the same. */
export function forbidden(identity: Identity | null, info: NodeInfo, group: string): Refusal | null {
  if (identity === null || (identity.group === group && identity.id === info.id)) return null;
  return {
    code: 'PERMISSION_DENIED',
    message: `the certificate is of node ${quote(identity.id)} of the group ${quote(identity.group)}, found node ${quote(info.id)} of ${quote(group)}`,
  };
}

/** Keys and commands are for a Unix socket or a client with a certificate: on plain TCP anybody could ask for them. */
export function refuseSecret({ transport }: Peer, { client }: NodeInfo, typeUrl: string): Refusal | null {
  const type = GROUP_TYPES[client].find((candidate) => candidate.typeUrl === typeUrl);
  if (transport !== 'tcp' || type?.secret !== true) return null;
  return {
    code: 'PERMISSION_DENIED',
    message: `${type.label} is secret: it is served on the Unix socket and to clients with a certificate only`,
  };
}

/** A service on plain TCP is refused what it cannot work without, so nobody needs to wait for it; an Envoy there is real. */
export function counts({ transport, client }: NodeInfo): boolean {
  return transport !== 'tcp' || client === NODE_GROUPS.envoy;
}

export function quote(text: string): string {
  return JSON.stringify(text.slice(0, LIMITS.xdsNodeIdCharsMax));
}
