// Decides what the documents, and what was read from the servers, mean: the catalog of one revision.
import type {
  Catalog,
  CatalogIssuer,
  CatalogServer,
  CatalogSurface,
  Discovered,
  SessionKey,
  StdioServer,
} from '../../core/catalog/catalog.ts';
import type {
  Document,
  EndpointAddress,
  PolicyDocument,
  ServerDocument,
  ServerVersionDocument,
  SurfaceDocument,
} from '../../core/catalog/document.ts';
import { backendCluster, surfacePath, surfaceUrl } from '../../core/contract.ts';
import type { Policy } from '../../core/policy/types.ts';
import { isLoopback } from '../../core/runtime/settings.ts';
import type { StoredDiscovery } from '../registry/discoveries.ts';
import { bridgeSocketPath, hasAffinity, resolveEndpoints } from './endpoints.ts';

export interface CatalogSources {
  readonly revision: number;
  readonly documents: readonly Document[];
  readonly discoveries: readonly StoredDiscovery[];
  readonly settings: {
    /** Address that the gateway listens on. */
    readonly host: string;
    /** Without a trailing slash. */
    readonly publicUrl: string;
    /** Absolute. */
    readonly runDir: string;
  };
  readonly issuers: readonly CatalogIssuer[];
  readonly sessionKeys: readonly SessionKey[];
}

/** A server at its serving version, and where Envoy reaches it. */
export interface Backend {
  readonly server: CatalogServer;
  /** Unix sockets as absolute paths. */
  readonly endpoints: readonly EndpointAddress[];
  /** HTTP path of a health check; absent: TCP connect. */
  readonly healthPath?: string;
}

export interface BuiltCatalog {
  readonly catalog: Catalog;
  /** For translation. By server name. */
  readonly backends: readonly Backend[];
  /** For the bridge only. By server name. */
  readonly stdio: readonly StdioServer[];
}

/** Pure: equal sources give equal catalogs, with maps in name order whatever the order of the documents. */
export function buildCatalog({
  revision,
  documents,
  discoveries,
  settings,
  issuers,
  sessionKeys,
}: CatalogSources): BuiltCatalog {
  const servers = byName(documents.filter((document) => document.kind === 'Server'));
  const read = new Map(
    discoveries.map((discovery) => [`${discovery.server} ${discovery.version}`, discovery.discovered]),
  );
  const backends = [...servers.values()].map((server) => backendOf(server, read, settings.runDir));
  const catalog: Catalog = {
    revision,
    servers: new Map(backends.map(({ server }) => [server.name, server])),
    surfaces: mapValues(byName(documents.filter((document) => document.kind === 'Surface')), (surface) =>
      surfaceOf(surface, servers, settings),
    ),
    policies: mapValues(byName(documents.filter((document) => document.kind === 'Policy')), policyOf),
    issuers: byName(issuers),
    sessionKeys,
  };
  return { catalog, backends, stdio: [...servers.values()].flatMap((server) => stdioOf(server, settings.runDir)) };
}

/** The schema allows one. */
function servingVersion(server: ServerDocument): ServerVersionDocument {
  return server.versions[0]!;
}

function backendOf(document: ServerDocument, read: ReadonlyMap<string, Discovered | null>, runDir: string): Backend {
  const { name, labels } = document;
  const { version, healthCheck } = servingVersion(document);
  const endpoints = resolveEndpoints(name, servingVersion(document), runDir);
  const server: CatalogServer = {
    name,
    version,
    labels,
    cluster: backendCluster(name, version),
    path: endpoints[0]!.path,
    affinity: hasAffinity(endpoints),
    discovered: read.get(`${name} ${version}`) ?? null,
  };
  return { server, endpoints, ...(healthCheck === undefined ? {} : { healthPath: healthCheck.path }) };
}

function surfaceOf(
  surface: SurfaceDocument,
  servers: ReadonlyMap<string, ServerDocument>,
  settings: CatalogSources['settings'],
): CatalogSurface {
  return {
    name: surface.name,
    url: surfaceUrl(settings.publicUrl, surface.name),
    path: surfacePath(surface.name),
    // `none` was refused at the write unless the gateway was on loopback; it may have moved since then.
    auth: isLoopback(settings.host) ? surface.auth : 'token',
    decision: surface.decision,
    ...(surface.instructions === undefined ? {} : { instructions: surface.instructions }),
    members: surface.servers.filter(({ server }) => servers.has(server)),
  };
}

function policyOf({ name, version, surfaces, rules }: PolicyDocument): Policy {
  // Members that are absent in the document are absent here: the schema never makes an undefined one.
  return { name, version, surfaces, rules: rules as Policy['rules'] };
}

function stdioOf(server: ServerDocument, runDir: string): StdioServer[] {
  const { version, stdio } = servingVersion(server);
  if (stdio === undefined) return [];
  const { command, args, env, cwd } = stdio;
  const socket = bridgeSocketPath(server.name, version, runDir);
  return [{ server: server.name, version, socket, command, args, env, ...(cwd === undefined ? {} : { cwd }) }];
}

function byName<T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.name, item] as const).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function mapValues<T, U>(map: ReadonlyMap<string, T>, change: (value: T) => U): ReadonlyMap<string, U> {
  return new Map([...map].map(([name, value]) => [name, change(value)]));
}
