// Decides which methods of which gRPC services carry xDS, in which variant, and for which resource type.

/** `sotw`: state of the world. */
export type Variant = 'delta' | 'sotw';

export interface XdsMethod {
  readonly path: string;
  readonly variant: Variant;
  /** The one type of a separate stream; null: all types on one (ADS). */
  readonly typeUrl: string | null;
}

/** Service, its methods' last word, and the message that it carries; null: all. */
const SERVICES: readonly (readonly [string, string, string | null])[] = [
  ['discovery.v3.AggregatedDiscoveryService', 'AggregatedResources', null],
  ['cluster.v3.ClusterDiscoveryService', 'Clusters', 'envoy.config.cluster.v3.Cluster'],
  ['endpoint.v3.EndpointDiscoveryService', 'Endpoints', 'envoy.config.endpoint.v3.ClusterLoadAssignment'],
  ['listener.v3.ListenerDiscoveryService', 'Listeners', 'envoy.config.listener.v3.Listener'],
  ['route.v3.RouteDiscoveryService', 'Routes', 'envoy.config.route.v3.RouteConfiguration'],
  ['secret.v3.SecretDiscoveryService', 'Secrets', 'envoy.extensions.transport_sockets.tls.v3.Secret'],
  ['extension.v3.ExtensionConfigDiscoveryService', 'ExtensionConfigs', 'envoy.config.core.v3.TypedExtensionConfig'],
  ['runtime.v3.RuntimeDiscoveryService', 'Runtime', 'envoy.service.runtime.v3.Runtime'],
];

export const XDS_METHODS: readonly XdsMethod[] = SERVICES.flatMap(([service, word, message]) => {
  const typeUrl = message === null ? null : `type.googleapis.com/${message}`;
  return [
    { path: `/envoy.service.${service}/Stream${word}`, variant: 'sotw' as const, typeUrl },
    { path: `/envoy.service.${service}/Delta${word}`, variant: 'delta' as const, typeUrl },
  ];
});
