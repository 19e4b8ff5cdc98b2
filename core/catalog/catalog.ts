// Decides the shape of the catalog: the immutable view of one revision that translation, policy and federation all read.
import type { Json, JsonObject } from '../json.ts';
import type { Policy } from '../policy/types.ts';

export type { Json, JsonObject };

/** A tool, prompt, resource or template as its server gave it: only the member that names it is looked at here. */
export type Listed = JsonObject;

/** What a server answers to lists; `bare` to a client without capabilities, `full` to one with all that exist. */
export interface ListedFor {
  readonly bare: readonly Listed[];
  readonly full: readonly Listed[];
}

/** What discovery read from one server version. */
export interface Discovered {
  /** SHA-256 of the canonical JSON of everything below, hex. */
  readonly hash: string;
  readonly protocolVersion: string;
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
  readonly tools: ListedFor;
  readonly prompts: ListedFor;
  readonly resources: ListedFor;
  readonly resourceTemplates: ListedFor;
}

/** A server at its serving version, as the services see it (no command, no environment, no secret). */
export interface CatalogServer {
  readonly name: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The Envoy cluster; see `backendCluster`. */
  readonly cluster: string;
  /** Path of the MCP endpoint at the backend, e.g. `/mcp`. */
  readonly path: string;
  /** More than one replica on stable addresses: sessions are pinned to theirs. */
  readonly affinity: boolean;
  /** null: registered, but not read yet. Its tools are unknown, so it lists none and none can be called. */
  readonly discovered: Discovered | null;
}

/** One server's share of a surface. Patterns are globs over the server's own names (`*` any run of characters). */
export interface SurfaceMember {
  readonly server: string;
  readonly tools: readonly string[];
  readonly prompts: readonly string[];
  readonly resources: readonly string[];
}

export interface CatalogSurface {
  readonly name: string;
  /** The canonical public URL: audience of tokens, `resource` of the metadata. */
  readonly url: string;
  /** Path at the gateway: `/mcp` for `default`, else `/mcp/<name>`. */
  readonly path: string;
  readonly auth: 'token' | 'none';
  readonly decision: 'ext_proc' | 'ext_authz';
  readonly instructions?: string;
  readonly members: readonly SurfaceMember[];
}

/** An issuer of bearer tokens whose keys we hold. `jwks` is a JSON Web Key Set of public keys. */
export interface CatalogIssuer {
  readonly name: string;
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly jwks: { readonly keys: readonly JsonObject[] };
}

/** A key that seals session tokens. Secret. The newest active one seals; all open. */
export interface SessionKey {
  readonly kid: string;
  /** 32 bytes, base64url. */
  readonly key: string;
  readonly active: boolean;
}

/** A session that was ended: 404 until the token would have expired anyway. Epoch milliseconds. */
export interface Tombstone {
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

/** A stdio server version, for the bridge only. */
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

/** What one revision consists of: `kind/name` → version hash of the resource. */
export interface Revision {
  readonly revision: number;
  readonly resources: Readonly<Record<string, string>>;
}

/** Immutable; replaced whole, never edited. Maps iterate in name order. */
export interface Catalog {
  readonly revision: number;
  readonly servers: ReadonlyMap<string, CatalogServer>;
  readonly surfaces: ReadonlyMap<string, CatalogSurface>;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly issuers: ReadonlyMap<string, CatalogIssuer>;
  readonly sessionKeys: readonly SessionKey[];
}
