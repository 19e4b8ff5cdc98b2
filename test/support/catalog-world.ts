// Decides the small catalog that the call path is tested with, and how a test makes one of its own.
import type {
  Catalog,
  CatalogApiKey,
  CatalogIssuer,
  CatalogRevocation,
  CatalogServer,
  CatalogSurface,
  Discovered,
  Listed,
  ServerVersion,
  SurfaceMember,
} from '../../core/catalog/catalog.ts';
import { activeVersion } from '../../core/catalog/choose.ts';
import { type Exposed, type Exposure, exposureOf } from '../../core/catalog/exposure.ts';
import type { Asker, Situation, Viewer } from '../../core/catalog/govern.ts';
import { surfacePath } from '../../core/contract.ts';
import { type Decision, NO_FACTS, type Policy, type Principal } from '../../core/policy/types.ts';

export const NOW_MS = 1_800_000_000_000;
export const ISSUER = 'http://issuer.test';
export const principalOf = (subject: string, over: Partial<Principal> = {}): Principal => ({
  issuer: ISSUER,
  subject,
  groups: [],
  scopes: [],
  expiresAtMs: NOW_MS + 3_600_000,
  claims: {},
  tasks: [],
  agent: null,
  kind: 'jwt',
  ...over,
});

export const listed = (...items: Listed[]) => ({ bare: items, full: items });
export const toolOf = (name: string, over: Listed = {}): Listed => ({ name, inputSchema: { type: 'object' }, ...over });

/** What is read of a server with these tools; the one that is called `files` has a prompt and resources as well. */
export function discoveredOf(name: string, tools: readonly string[], over: Partial<Discovered> = {}): Discovered {
  const more = name === 'files';
  return {
    hash: '00',
    protocolVersion: '2025-11-25',
    serverInfo: { name: `${name}-server`, version: '9' },
    capabilities: { tools: {}, ...(more ? { prompts: {}, resources: {} } : {}) },
    tools: listed(...tools.map((tool) => toolOf(tool))),
    prompts: listed(...(more ? [{ name: 'summary' }] : [])),
    resources: listed(...(more ? [{ uri: 'file:///a.txt', name: 'a' }] : [])),
    resourceTemplates: listed(...(more ? [{ uriTemplate: 'file:///docs/{path}', name: 'docs' }] : [])),
    ...over,
  };
}

/** Version 1, active, unless `over` says otherwise. */
export function versionOf(name: string, tools: readonly string[], over: Partial<ServerVersion> = {}): ServerVersion {
  const version = over.version ?? '1';
  return {
    name,
    version,
    state: 'active',
    cluster: `mcp.${name}.${version}`,
    path: '/mcp',
    discovered: discoveredOf(name, tools),
    ...over,
  };
}

/** A server of these versions. */
export function versionedServer(
  name: string,
  versions: readonly ServerVersion[],
  over: Partial<CatalogServer> = {},
): CatalogServer {
  return { name, labels: {}, versions, ...over };
}

/** A server with one version. */
export function serverOf(
  name: string,
  tools: readonly string[],
  over: Partial<ServerVersion> & Pick<Partial<CatalogServer>, 'annotations'> = {},
): CatalogServer {
  const { annotations, ...version } = over;
  return versionedServer(name, [versionOf(name, tools, version)], annotations === undefined ? {} : { annotations });
}

/** A server with one version, of which something else was read. */
/** An item of version 1 of a server, as a call's verdict names it. */
export function exposedOf(server: string, name: string): Exposed {
  const version = versionOf(server, [name]);
  return {
    server: serverOf(server, [name]),
    version,
    name,
    publicName: `${server}__${name}`,
    fixing: null,
    facts: NO_FACTS,
    inputSchema: null,
  };
}

export const readAs = (name: string, tools: readonly string[], over: Partial<Discovered>): CatalogServer =>
  serverOf(name, [], { discovered: discoveredOf(name, tools, over) });

export const memberOf = (server: string, over: Partial<SurfaceMember> = {}): SurfaceMember => ({
  server,
  tools: ['*'],
  prompts: ['*'],
  resources: ['*'],
  ...over,
});

/** With one server its names are its own, as where a document says nothing of naming. */
export function surfaceOf(
  name: string,
  servers: readonly string[],
  over: Partial<CatalogSurface> = {},
  origin = 'http://gateway.test',
): CatalogSurface {
  const path = surfacePath(name);
  const members = over.members ?? servers.map((server) => memberOf(server));
  return {
    name,
    path,
    url: `${origin}${path}`,
    auth: 'token',
    decision: 'ext_proc',
    naming: members.length === 1 ? 'bare' : 'prefixed',
    members,
    ...over,
  };
}

export const ALLOW_ALL: Policy = {
  name: 'base',
  version: 'tbac/v1',
  mode: 'enforce',
  surfaces: ['*'],
  rules: [
    { id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] },
    { id: 'keep', effect: 'deny', tools: ['memory/delete_*'], reason: 'the memory is kept' },
  ],
};

export const apiKeyOf = (over: Partial<CatalogApiKey> = {}): CatalogApiKey => ({
  id: 'k1',
  sha256: '0'.repeat(64),
  subject: 'robot',
  groups: ['agents'],
  scopes: [],
  surfaces: ['*'],
  expiresAtMs: NOW_MS + 3_600_000,
  ...over,
});

export interface CatalogParts {
  readonly revision?: number;
  readonly servers?: readonly CatalogServer[];
  readonly surfaces?: readonly CatalogSurface[];
  readonly policies?: readonly Policy[];
  readonly issuers?: readonly CatalogIssuer[];
  readonly apiKeys?: readonly CatalogApiKey[];
  readonly revocations?: readonly CatalogRevocation[];
}
const byName = <T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [item.name, item]));

export function catalogOf(parts: CatalogParts = {}): Catalog {
  const { revision = 7, servers, surfaces, policies, issuers = [], apiKeys = [], revocations = [] } = parts;
  return {
    revision,
    servers: byName(servers ?? [serverOf('memory', ['read_graph', 'delete_entities']), serverOf('files', ['read'])]),
    surfaces: byName(
      surfaces ?? [
        surfaceOf('default', ['memory', 'files']),
        surfaceOf('one', ['memory']),
        surfaceOf('open', ['memory'], { auth: 'none' }),
        surfaceOf('judged', ['memory', 'files'], { decision: 'ext_authz' }),
      ],
    ),
    policies: byName(policies ?? [ALLOW_ALL]),
    issuers: byName(issuers),
    apiKeys: new Map(apiKeys.map((key) => [key.sha256, key])),
    revocations: new Map(revocations.map((revocation) => [revocation.name, revocation])),
    sessionKeys: [],
    identityKeys: [],
  };
}

export const SITUATION: Situation = {
  era: 'legacy',
  protocolVersion: '2025-06-18',
  address: '192.0.2.7',
  labels: () => [],
  now: () => NOW_MS,
};

/** An allowed one that owes nothing. */
export const ALLOWED: Decision = {
  id: 'd1',
  allowed: true,
  ruleIds: ['r1', 'r2'],
  reason: 'r',
  revision: 1,
  indeterminate: [],
  obligations: null,
  shadow: null,
  missingScopes: [],
};

export const askerOf = (catalog: Catalog, surface = 'default', principal = principalOf('alice')): Asker => ({
  catalog,
  surface: catalog.surfaces.get(surface)!,
  principal,
  decisionId: 'd1',
  situation: SITUATION,
});

/** What somebody has who was led to the active versions. */
export const exposed = (catalog: Catalog, surface: CatalogSurface): Exposure =>
  exposureOf(catalog, surface, activeVersion);

export function viewerOf(catalog: Catalog, surface = 'default', principal = principalOf('alice')): Viewer {
  const asker = askerOf(catalog, surface, principal);
  return { ...asker, exposure: exposed(catalog, asker.surface) };
}
