// Decides the shape of the catalog: the immutable view of one revision that translation, policy and federation all read.
import type { Json, JsonObject } from '../json.ts';
import type { Policy } from '../policy/types.ts';
import type { MappedTool } from './documents/surface.ts';
import type { LifecycleState } from './lifecycle.ts';

export type { Json, JsonObject };

/** A tool, prompt, resource or template as its server gave it: only the member that names it is looked at here. */
export type Listed = JsonObject;

/** What a server answers to lists; `bare` to a client without capabilities, `full` to one with all that exist. */
export interface ListedFor {
  readonly bare: readonly Listed[];
  readonly full: readonly Listed[];
  /** Names of what a client sees that declares this one alone; absent: everybody sees the same, or it is not known. */
  readonly alone?: Readonly<Record<AskedCapability, readonly string[]>>;
}

/** Capabilities of clients by which servers choose what they list. */
export type AskedCapability = 'roots' | 'sampling' | 'elicitation';

/** What discovery read from one server version. */
export interface Discovered {
  /** SHA-256 of the canonical JSON of everything below, hex. */
  readonly hash: string;
  /** The version in which it was read: the newest legacy one that it speaks, or where it has none the modern one. */
  readonly protocolVersion: string;
  /** Every version that it was seen to speak, oldest first; absent: only `protocolVersion` is known. */
  readonly protocolVersions?: readonly string[];
  /** It was seen to refuse a request whose `Mcp-Method` header disagrees with the body (-32020). */
  readonly refusesDisagreement?: boolean;
  /** It was seen to declare the tasks extension in the modern era, though it was read in the legacy one. */
  readonly tasksExtension?: boolean;
  /** It was seen to give events of its answers ids, with which a client may come back for the rest. */
  readonly eventIds?: boolean;
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
  readonly tools: ListedFor;
  readonly prompts: ListedFor;
  readonly resources: ListedFor;
  readonly resourceTemplates: ListedFor;
}

export interface Canary {
  /** 0 to 100, of sessions that are not named otherwise. */
  readonly percent: number;
  /** Subjects, as globs. */
  readonly principals: readonly string[];
}

/**
 * Another definition of a tool, which waits for somebody to approve it, and who is shown it already: the same for each of
 * its calls, as it goes by who calls alone.
 */
export interface ToolCandidate extends Canary {
  readonly tool: string;
  /** As in `ListedFor`; null: it is not on that list. */
  readonly bare: Listed | null;
  readonly full: Listed | null;
}

/** Since when a version is deprecated, and when it will be gone. Epoch milliseconds. */
export interface Deprecation {
  readonly sinceMs: number;
  readonly sunsetMs?: number;
}

/** Tool annotations by which operators override the server's own. */
export type AnnotationOverrides = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** One version of a server as the services see it (no command, no environment, no secret, no address). */
export interface ServerVersion {
  /** Of the server. */
  readonly name: string;
  readonly version: string;
  readonly state: LifecycleState;
  /** In the state `canary`. */
  readonly canary?: Canary;
  /** In the state `deprecated`. */
  readonly deprecation?: Deprecation;
  /** The Envoy cluster; see `backendCluster`. */
  readonly cluster: string;
  /** Path of the MCP endpoint at the backend, e.g. `/mcp`. */
  readonly path: string;
  /**
   * Its tools as they are pinned. null: registered, but not read yet. Its tools are unknown, so it lists none and none can
   * be called.
   */
  readonly discovered: Discovered | null;
  /** See `shownTo`. */
  readonly candidates?: readonly ToolCandidate[];
}

/** A server with the versions that its callers can meet: those whose state is `known` (see LIFECYCLE). */
export interface CatalogServer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly classification?: string;
  readonly annotations?: AnnotationOverrides;
  /** Tool glob → labels of these tools. */
  readonly toolLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly identity?: ServerIdentity;
  /** In the order of the document. */
  readonly versions: readonly ServerVersion[];
}

/** One server's share of a surface. Patterns are globs over the server's own names (`*` any run of characters). */
export interface SurfaceMember {
  readonly server: string;
  readonly tools: readonly string[];
  readonly prompts: readonly string[];
  readonly resources: readonly string[];
  /** Tools that clients may load when they need them. */
  readonly deferred?: readonly string[];
  /** With naming `mapped`: these tools are shown, and no others. */
  readonly map?: readonly MappedTool[];
}

export interface CatalogSurface {
  readonly name: string;
  /** The canonical public URL: audience of tokens, `resource` of the metadata. */
  readonly url: string;
  /** Path at the gateway: `/mcp` for `default`, else `/mcp/<name>`. */
  readonly path: string;
  readonly auth: 'token' | 'certificate' | 'either' | 'none';
  readonly decision: 'ext_proc' | 'ext_authz';
  readonly naming: 'prefixed' | 'bare' | 'mapped';
  readonly limits?: { readonly tools?: number; readonly schemaBytes?: number };
  readonly instructions?: string;
  readonly members: readonly SurfaceMember[];
  /** What records of decisions hold; absent: no arguments. */
  readonly record?: { readonly arguments: boolean };
  /** Names of the issuers whose tokens it takes; absent: of all. */
  readonly issuers?: readonly string[];
  /** Browsers are told that pages of the allowed origins may call it. */
  readonly cors?: boolean;
  /** What a client should ask for at first; absent: what its issuers say. */
  readonly scopes?: readonly string[];
}

/** An issuer of bearer tokens whose keys we hold. `jwks` is a JSON Web Key Set of public keys. */
export interface CatalogIssuer {
  readonly name: string;
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly jwks: { readonly keys: readonly JsonObject[] };
  /** Names of the claims that say a principal's tasks and groups; absent: see DEFAULT_CLAIMS. */
  readonly taskClaim?: string;
  readonly groupsClaim?: string;
  /** What a client should ask it for. */
  readonly scopes?: readonly string[];
}

/** An API key of a principal, which is a bearer token of its own. The key has 256 random bits, so its hash needs no salt. */
export interface CatalogApiKey {
  readonly id: string;
  /** SHA-256 of the whole key, hex. */
  readonly sha256: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  /** Names of surfaces, as globs. */
  readonly surfaces: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** Takes back what was given before its own end. Subject or jti. Epoch milliseconds. */
export interface CatalogRevocation {
  readonly name: string;
  /** Absent: whoever issued it. */
  readonly issuer?: string;
  readonly subject?: string;
  readonly jti?: string;
  /** Only what was issued until then; absent: all. */
  readonly beforeMs?: number;
  /** It means nothing any more after it. */
  readonly untilMs: number;
}

/** A key that seals session tokens. Secret. The newest active one seals; all open. */
export interface SessionKey {
  readonly kid: string;
  /** 32 bytes, base64url. */
  readonly key: string;
  readonly active: boolean;
}

/** An Ed25519 key with which the gateway tells servers who calls. Secret but for `kid` and `x`; the active one signs. */
export interface IdentityKey {
  readonly kid: string;
  /** 32 bytes each, base64url (RFC 8037 §2). */
  readonly x: string;
  readonly d: string;
  readonly active: boolean;
}

/** What a server is told of its callers. */
export interface ServerIdentity {
  readonly header: string;
  readonly audience: string;
  readonly ttlSeconds: number;
  /** Names of claims of the caller's token that go along. */
  readonly claims: readonly string[];
}

/** A session that was ended: 404 until the token would have expired anyway. Epoch milliseconds. */
export interface Tombstone {
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

/** An ext-proc that runs: state that lives in it is found there. */
export interface Instance {
  /** Random for each process. */
  readonly name: string;
  /** Its node id, which its certificate names. */
  readonly node: string;
  /** `unix:/path`, or `host:port`. */
  readonly address: string;
}

/** A stdio server version, for the bridge only; named `<server>.<version>`. */
export interface StdioServer {
  readonly server: string;
  readonly version: string;
  /** Socket path to listen on, absolute. */
  readonly socket: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** What one revision consists of. A service serves it when the digest of what it holds is this one (see digest.ts). */
export interface Revision {
  readonly revision: number;
  readonly digest: string;
}

/** Immutable; replaced whole, never edited. Maps iterate in name order. */
export interface Catalog {
  readonly revision: number;
  readonly servers: ReadonlyMap<string, CatalogServer>;
  readonly surfaces: ReadonlyMap<string, CatalogSurface>;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly issuers: ReadonlyMap<string, CatalogIssuer>;
  /** By `sha256`. */
  readonly apiKeys: ReadonlyMap<string, CatalogApiKey>;
  readonly revocations: ReadonlyMap<string, CatalogRevocation>;
  readonly sessionKeys: readonly SessionKey[];
  readonly identityKeys: readonly IdentityKey[];
}
