// Decides which of Envoy's types we name, each once.
import { CDS, ECDS, EDS, LDS, RDS, RTDS, SDS } from '../resource-types.ts';

export const TYPES = {
  cluster: CDS.typeUrl,
  endpoints: EDS.typeUrl,
  listener: LDS.typeUrl,
  routes: RDS.typeUrl,
  secret: SDS.typeUrl,
  extension: ECDS.typeUrl,
  runtime: RTDS.typeUrl,
} as const;

export const FILTERS = {
  hcm: 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  earlyHeaderMutation:
    'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
  rbac: 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
  extAuthzPerRoute: 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
  extAuthz: 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
  extProcPerRoute: 'type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute',
  extProc: 'type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor',
  filterConfig: 'type.googleapis.com/envoy.config.route.v3.FilterConfig',
  statefulSession: 'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
  envelope: 'type.googleapis.com/envoy.extensions.http.stateful_session.envelope.v3.EnvelopeSessionState',
  composite: 'type.googleapis.com/envoy.extensions.filters.http.composite.v3.Composite',
  executeFilter: 'type.googleapis.com/envoy.extensions.filters.http.composite.v3.ExecuteFilterAction',
  customResponse: 'type.googleapis.com/envoy.extensions.filters.http.custom_response.v3.CustomResponse',
  localResponse:
    'type.googleapis.com/envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy',
  statusInput: 'type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput',
  responseHeaderInput: 'type.googleapis.com/envoy.type.matcher.v3.HttpResponseHeaderMatchInput',
  metadataInput: 'type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput',
  metadataMatcher: 'type.googleapis.com/envoy.extensions.matching.input_matchers.metadata.v3.Metadata',
  celInput: 'type.googleapis.com/xds.type.matcher.v3.HttpAttributesCelMatchInput',
  celMatcher: 'type.googleapis.com/xds.type.matcher.v3.CelMatcher',
  headerInput: 'type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput',
  credentialInjector: 'type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector',
  genericCredential: 'type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic',
  oauthCredential: 'type.googleapis.com/envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2',
  upstreamCodec: 'type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec',
  router: 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
  httpOptions: 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
  downstreamTls: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  upstreamTls: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  previousHosts: 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
  fileLog: 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
  celFilter: 'type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
} as const;

export const HTTP_OPTIONS_KEY = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
