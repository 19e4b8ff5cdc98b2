// Decides the names that both sides of Envoy must spell alike: headers, metadata, clusters, sockets, resource types.

export const HEADERS = {
  /** Which cluster the router takes (set by ext-proc on ingress, by our own callers on egress). */
  cluster: 'x-chancery-cluster',
  /** Egress only: this request may be repeated whatever happened to it. */
  idempotent: 'x-chancery-idempotent',
  /** Egress only: the session header names a replica and no session; it does not reach the backend. */
  fresh: 'x-chancery-fresh',
  session: 'mcp-session-id',
  protocolVersion: 'mcp-protocol-version',
  method: 'mcp-method',
  name: 'mcp-name',
  /** Names a request in the access log and to its backend; Envoy gives one to each. */
  requestId: 'x-request-id',
  /** Egress only, of answers: which replica answered, and at which attempt. */
  replica: 'x-chancery-replica',
  attempts: 'x-chancery-attempts',
  /** Who calls, as the gateway tells a server that wants to know and names no other header. */
  identity: 'x-chancery-identity',
} as const;

/**
 * Of the headers of a client that Envoy sends on to a backend, those that go with a call that ext-proc makes itself: what
 * belongs together across processes, and the language (W3C Trace Context, Baggage; RFC 9110 §12.5.4).
 */
export const CARRIED_HEADERS: readonly string[] = [
  HEADERS.requestId,
  'traceparent',
  'tracestate',
  'baggage',
  'accept-language',
];

/** The headers above that only our own processes may set. Any other `x-chancery-*` means nothing. */
export const INTERNAL_HEADERS: readonly string[] = [
  HEADERS.cluster,
  HEADERS.idempotent,
  HEADERS.fresh,
  HEADERS.identity,
];

/** Dynamic metadata that ext-proc leaves for local replies, access log and the repair of a lost backend session. */
export const METADATA = {
  namespace: 'chancery',
  /** The raw JSON text of the request's id, so that Envoy's own refusals carry it as it came. */
  id: 'id',
  /** What a repair needs: the sealed session token, `<server>/<version>`, base64url of the id; separated by spaces. */
  repair: 'repair',
  server: 'server',
  tool: 'tool',
  decision: 'decision',
  /** Of a call on a surface with one server: its errors are the server's. */
  transparent: 'transparent',
  /** Of a call of the modern era, which has no session. */
  modern: 'modern',
  /** Of a call that ext-proc made itself: `composed` or `bridged`; the rules that allowed it; where it went, who answered, at which attempt. */
  lane: 'lane',
  cluster: 'cluster',
  rules: 'rules',
  replica: 'replica',
  attempts: 'attempts',
  /** Of a call to a deprecated version: the values of the headers that the route adds to the answer. */
  deprecation: 'deprecation',
  sunset: 'sunset',
  /** Of a call that a page makes: the values of the headers by which it may read the answer. */
  pageOrigin: 'page_origin',
  pageReads: 'page_reads',
} as const;

/** gRPC initial metadata that Envoy sends to ext-proc: which filter calls, and what a repair needs. */
export const CALLER = {
  part: 'x-chancery-part',
  /** Value of `part`: the first filter of the ingress listener. */
  decide: 'decide',
  /** Value of `part`: the filter that Envoy runs before it sends a request to a backend for the second or third time. */
  repair: 'repair',
  repairContext: 'x-chancery-repair',
  upstreamHost: 'x-chancery-upstream-host',
  /** URI SANs of the certificate that Envoy verified, separated by commas. */
  certificateUri: 'x-chancery-certificate-uri',
  /** Its end, seconds of the epoch. */
  certificateEnd: 'x-chancery-certificate-end',
  /** Of the client, as Envoy sees it behind the proxies that it trusts. */
  address: 'x-chancery-address',
} as const;

/** Path of the ext_proc service. */
export const EXT_PROC_METHOD = '/envoy.service.ext_proc.v3.ExternalProcessor/Process';
/** Path of the ext_authz service. */
export const EXT_AUTHZ_METHOD = '/envoy.service.auth.v3.Authorization/Check';

/** What the gateway serves: MCP at `/mcp` and `/mcp/<surface>`, one view at `/v1/surfaces/<surface>/tools`. */
export const DEFAULT_SURFACE = 'default';

/** Where a client shows its user which approval a call waits for; the approval's id comes behind it. */
export const APPROVALS_PATH = '/approvals/';
export function surfacePath(surface: string): string {
  return surface === DEFAULT_SURFACE ? '/mcp' : `/mcp/${surface}`;
}
/** The canonical URL: audience of tokens, `resource` of the metadata. `publicUrl` has no trailing slash. */
export function surfaceUrl(publicUrl: string, surface: string): string {
  return `${publicUrl}${surfacePath(surface)}`;
}
export function surfaceToolsPath(surface: string): string {
  return `/v1/surfaces/${surface}/tools`;
}

/** Dynamic metadata that ext_authz leaves for ext-proc on a surface with `decision: ext_authz`. */
export const AUTHZ_METADATA_NAMESPACE = 'envoy.filters.http.ext_authz';
/** Its members; all are strings. */
export const AUTHZ_METADATA = {
  surface: 'surface',
  issuer: 'issuer',
  subject: 'subject',
  /** SHA-256 of the body that was decided on, hex; of nothing for a request without one. */
  bodySha256: 'body_sha256',
  /** The catalog revision that decided, decimal. */
  revision: 'revision',
  decisionId: 'decision_id',
  /** Of a batch: JSON, for each message that is refused its place, a code of the ERRORS table and what is added to its sentence. */
  refused: 'refused_messages',
} as const;

/**
 * Set by our own route for ext-authz: ext-proc is behind, which answers the refused messages of a batch itself. Without it
 * what is allowed goes to a server as it came, so one refused message refuses them all.
 */
export const AUTHZ_TRANSLATED = 'chancery.translated';
/** Set by the route of somebody else's Envoy: which surface its requests are for, whatever their path is there. */
export const AUTHZ_SURFACE = 'chancery.surface';
/** The same, `none`: bodies stay there, and headers alone are decided on. */
export const AUTHZ_BODY = 'chancery.body';

export const LISTENERS = { ingress: 'chancery_ingress', egress: 'chancery_egress' } as const;
export const ROUTES = { ingress: 'chancery_ingress', egress: 'chancery_egress' } as const;
/** ECDS: filters of the ingress listener whose configuration may change while the listener stays. */
export const EXTENSIONS = { origin: 'chancery.origin' } as const;

/** RTDS: the layer of the bootstrap that the control plane fills. */
export const RUNTIME_LAYER = 'chancery';

export const CLUSTERS = { ads: 'chancery_ads', extProc: 'chancery_ext_proc', extAuthz: 'chancery_ext_authz' } as const;

/** Prefix of the clusters of server versions; the only ones that `x-chancery-cluster` may name. */
const BACKEND_CLUSTER_PREFIX = 'mcp.';

/** The cluster of a server version, e.g. `mcp.memory.2026.8.31`. */
export function backendCluster(server: string, version: string): string {
  return `${BACKEND_CLUSTER_PREFIX}${server}.${version}`;
}

/** Names of the Unix sockets in the run directory; all have mode 0600. */
export const SOCKETS = {
  ads: 'ads.sock',
  reports: 'reports.sock',
  extProc: 'ext-proc.sock',
  extAuthz: 'ext-authz.sock',
  egress: 'egress.sock',
  envoyAdmin: 'envoy-admin.sock',
} as const;

/** The socket on which the `number`th ext-proc of a host (1 is the first) listens to Envoy. */
export function extProcSocket(number: number): string {
  return number === 1 ? SOCKETS.extProc : `ext-proc-${number}.sock`;
}

/** And the one on which it listens to the others. */
export function instanceSocket(number: number): string {
  return `instance-${number}.sock`;
}

/** Members of an ext-proc's node metadata, by which the control plane tells the others where it is. */
export const INSTANCE_METADATA = { name: 'instance', address: 'instance_address' } as const;

/** Envoy's access log in the log directory, which Envoy writes itself. */
export const ACCESS_LOG_FILE = 'access.log';

/** Envoy's bootstrap in the run directory. */
export const BOOTSTRAP_FILE = 'envoy-bootstrap.json';

/** The bridge's socket of a stdio server version, relative to the run directory. */
export function bridgeSocket(server: string, version: string): string {
  return `bridge-${server}-${version}.sock`;
}

/** Node clusters (`node.cluster`) say what kind of xDS client calls, and so which snapshot it is given. */
export const NODE_GROUPS = { envoy: 'envoy', extProc: 'ext-proc', extAuthz: 'ext-authz', bridge: 'bridge' } as const;
export type NodeGroup = (typeof NODE_GROUPS)[keyof typeof NODE_GROUPS];

/**
 * Our own xDS resource types. The order is the order in which they are pushed: a `Revision` names what must be held,
 * so it comes last. Each resource is one `chancery.v1.Document { bytes json = 1 }` (see proto/).
 */
export const OWN_TYPES = {
  server: 'type.googleapis.com/chancery.v1.Server',
  surface: 'type.googleapis.com/chancery.v1.Surface',
  policy: 'type.googleapis.com/chancery.v1.Policy',
  issuer: 'type.googleapis.com/chancery.v1.Issuer',
  revocation: 'type.googleapis.com/chancery.v1.Revocation',
  apiKey: 'type.googleapis.com/chancery.v1.ApiKey',
  sessionKey: 'type.googleapis.com/chancery.v1.SessionKey',
  identityKey: 'type.googleapis.com/chancery.v1.IdentityKey',
  stdioServer: 'type.googleapis.com/chancery.v1.StdioServer',
  tombstone: 'type.googleapis.com/chancery.v1.Tombstone',
  instance: 'type.googleapis.com/chancery.v1.Instance',
  revision: 'type.googleapis.com/chancery.v1.Revision',
} as const;
export type OwnKind = keyof typeof OWN_TYPES;

/** Kinds whose content is secret: served on a Unix socket only, never on TCP, never in a log or a dump. */
export const SECRET_KINDS: readonly OwnKind[] = ['apiKey', 'sessionKey', 'identityKey', 'stdioServer'];

/** Which kinds each group of services may subscribe to. */
export const KINDS_OF_GROUP: Readonly<Record<Exclude<NodeGroup, 'envoy'>, readonly OwnKind[]>> = {
  'ext-proc': [
    'server',
    'surface',
    'policy',
    'issuer',
    'revocation',
    'apiKey',
    'sessionKey',
    'identityKey',
    'tombstone',
    'instance',
    'revision',
  ],
  'ext-authz': ['server', 'surface', 'policy', 'issuer', 'revocation', 'apiKey', 'revision'],
  bridge: ['stdioServer'],
};

/**
 * Kinds that a `Revision` covers: what one call's decision depends on, and what every service of a call is given.
 * Session keys, tombstones and instances come and go beside it.
 */
export const REVISION_KINDS: readonly OwnKind[] = ['server', 'surface', 'policy', 'issuer', 'revocation', 'apiKey'];
