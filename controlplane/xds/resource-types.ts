// Decides which resource types are served, to which group of nodes, and in which order they are pushed.
import {
  KINDS_OF_GROUP,
  NODE_GROUPS,
  type NodeGroup,
  OWN_TYPES,
  type OwnKind,
  SECRET_KINDS,
} from '../../core/contract.ts';

export interface ResourceType {
  readonly typeUrl: string;
  /** What people call it. */
  readonly label: string;
  /** The field of the message that is the resource's name; null for our own documents. */
  readonly nameField: string | null;
  /**
   * A first request without names subscribes to everything. The specification has this for listeners and clusters only
   * ("For Listener and Cluster resource types, there is also a wildcard subscription"): elsewhere it means nothing, or
   * an Envoy that has no more endpoints to ask for would be given all of them.
   */
  readonly legacyWildcard: boolean;
  /** In the state of the world every response has all of them, and what is not in it is gone. */
  readonly whole: boolean;
  /**
   * Others point to it by name: it is taken away when they do no more. Our own documents are read together, under the
   * Revision that comes last: what is gone may go with what comes.
   */
  readonly removesLast: boolean;
  /** Served on a Unix socket and to clients with a certificate only. */
  readonly secret: boolean;
}

function envoy(label: string, message: string, options: Partial<ResourceType> = {}): ResourceType {
  const typeUrl = `type.googleapis.com/${message}`;
  const row = { nameField: 'name', legacyWildcard: false, whole: false, removesLast: true, secret: false };
  return { typeUrl, label, ...row, ...options };
}

export const CDS = envoy('CDS', 'envoy.config.cluster.v3.Cluster', { legacyWildcard: true, whole: true });
export const EDS = envoy('EDS', 'envoy.config.endpoint.v3.ClusterLoadAssignment', { nameField: 'cluster_name' });
export const LDS = envoy('LDS', 'envoy.config.listener.v3.Listener', { legacyWildcard: true, whole: true });
export const RDS = envoy('RDS', 'envoy.config.route.v3.RouteConfiguration');
export const SDS = envoy('SDS', 'envoy.extensions.transport_sockets.tls.v3.Secret', { secret: true });
export const ECDS = envoy('ECDS', 'envoy.config.core.v3.TypedExtensionConfig');
export const RTDS = envoy('RTDS', 'envoy.service.runtime.v3.Runtime');

/** Additions go in this order, so that what a resource points to is there before it; removals go the other way round. */
const ENVOY_TYPES: readonly ResourceType[] = [CDS, EDS, LDS, RDS, SDS, ECDS, RTDS];

const OWN: readonly ResourceType[] = (Object.keys(OWN_TYPES) as OwnKind[]).map((kind) => ({
  typeUrl: OWN_TYPES[kind],
  label: kind,
  nameField: null,
  legacyWildcard: true,
  whole: true,
  removesLast: false,
  secret: SECRET_KINDS.includes(kind),
}));

/** Every kind of client, and what it may subscribe to, in push order. */
export const GROUP_TYPES: Readonly<Record<NodeGroup, readonly ResourceType[]>> = {
  envoy: ENVOY_TYPES,
  'ext-proc': ownTypes('ext-proc'),
  'ext-authz': ownTypes('ext-authz'),
  bridge: ownTypes('bridge'),
};

function ownTypes(group: Exclude<NodeGroup, 'envoy'>): readonly ResourceType[] {
  const urls = KINDS_OF_GROUP[group].map((kind) => OWN_TYPES[kind]);
  return OWN.filter((type) => urls.includes(type.typeUrl as (typeof urls)[number]));
}

/** The kind of client that `node.cluster` names: one of our services, or an Envoy, whose operator names it as he likes. */
export function clientOf(cluster: string): NodeGroup {
  return (Object.values(NODE_GROUPS) as NodeGroup[]).find((group) => group === cluster) ?? NODE_GROUPS.envoy;
}

const LABELS: ReadonlyMap<string, string> = new Map(
  Object.values(GROUP_TYPES).flatMap((types) => types.map(({ typeUrl, label }) => [typeUrl, label])),
);
/** What people call a type; one that is not served by its URL. */
export function labelOf(typeUrl: string): string {
  return LABELS.get(typeUrl) ?? typeUrl;
}

/** The row of an Envoy resource type; undefined when we do not serve it. */
export function envoyType(typeUrl: string): ResourceType | undefined {
  return ENVOY_TYPES.find((type) => type.typeUrl === typeUrl);
}
