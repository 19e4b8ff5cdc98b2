// Decides what the documents, and what was read from the servers, mean: the catalog of one revision.
import type {
  Catalog,
  CatalogIssuer,
  CatalogRevocation,
  CatalogServer,
  CatalogSurface,
  IdentityKey,
  SessionKey,
} from '../../core/catalog/catalog.ts';
import {
  DOCUMENT_KINDS,
  type DocumentKind,
  type IssuerDocument,
  type PolicyDocument,
  policyOf,
  type RevocationDocument,
  type SurfaceDocument,
} from '../../core/catalog/document.ts';
import { surfacePath, surfaceUrl } from '../../core/contract.ts';
import { isLoopback } from '../../core/runtime/settings.ts';
import type { RegistrySnapshot, StoredDocument } from '../registry/types.ts';
import { catalogIssuer, inlineKeys } from './issuers.ts';
import { asBefore, changedEntries, kept, mapped, patched } from './kept.ts';
import { type ServerParts, serverParts } from './server-parts.ts';

export type { Backend, BackendAuth, ServerParts } from './server-parts.ts';

export interface CatalogContext {
  readonly settings: {
    /** Address that the gateway listens on. */
    readonly host: string;
    /** Without a trailing slash. */
    readonly publicUrl: string;
    /** Absolute. */
    readonly runDir: string;
  };
  /** Those that no document declares. */
  readonly issuers: readonly CatalogIssuer[];
  /** What a document means with the keys that are known of it now; absent: only keys that it holds itself are known. */
  readonly issuerOf?: (stored: StoredDocument) => CatalogIssuer;
  readonly sessionKeys: readonly SessionKey[];
  /** The same list until one of them is another; absent: none. */
  readonly identityKeys?: readonly IdentityKey[];
}

export type DocumentsByKind = Readonly<Record<DocumentKind, ReadonlyMap<string, StoredDocument>>>;

/** All maps are in the order of names. */
export interface BuiltCatalog {
  readonly snapshot: RegistrySnapshot;
  readonly documents: DocumentsByKind;
  readonly catalog: Catalog;
  /** Of every server document. */
  readonly servers: ReadonlyMap<string, ServerParts>;
}

/**
 * Equal snapshots give equal catalogs, whatever was built before.
 * @param previous what was built before with the same context: what did not change since is the same object in both.
 */
export function buildCatalog(
  snapshot: RegistrySnapshot,
  { settings, issuers, issuerOf = issuerOfDocument, sessionKeys, identityKeys = [] }: CatalogContext,
  previous?: BuiltCatalog,
): BuiltCatalog {
  const documents = byKind(snapshot, previous);
  const before = previous?.catalog;
  const servers = partsOf(snapshot, documents, settings.runDir, previous);
  const known = knownOf(servers, previous);
  const catalog: Catalog = {
    revision: snapshot.revision,
    servers: known,
    surfaces: surfacesOf(documents.Surface, known, settings, previous),
    policies: mapped(
      documents.Policy,
      previous && { from: previous.documents.Policy, to: previous.catalog.policies },
      ({ document }) => policyOf(document as PolicyDocument),
    ),
    issuers: kept(before?.issuers, issuersOf(documents.Issuer, issuers, issuerOf)),
    revocations: mapped(
      documents.Revocation,
      previous && { from: previous.documents.Revocation, to: previous.catalog.revocations },
      ({ document }) => revocationOf(document as RevocationDocument),
    ),
    apiKeys:
      previous?.snapshot.apiKeys === snapshot.apiKeys
        ? previous.catalog.apiKeys
        : new Map([...snapshot.apiKeys.values()].map((key) => [key.sha256, key])),
    sessionKeys,
    identityKeys,
  };
  return { snapshot, documents, catalog, servers };
}

function byKind(snapshot: RegistrySnapshot, previous: BuiltCatalog | undefined): DocumentsByKind {
  const before = previous?.snapshot.documents;
  const { documents } = snapshot;
  const replaced =
    before?.length === documents.length
      ? documents.filter((stored, index) => stored !== before[index] && keyOf(stored) === keyOf(before[index]!))
      : null;
  const others = replaced === null ? -1 : documents.filter((stored, index) => stored !== before![index]).length;
  const entriesOf = (list: readonly StoredDocument[], kind: DocumentKind) =>
    list.flatMap((stored) => (stored.document.kind === kind ? [[stored.document.name, stored] as const] : []));
  const kinds = Object.keys(DOCUMENT_KINDS) as DocumentKind[];
  return Object.fromEntries(
    kinds.map((kind) => [
      kind,
      previous !== undefined && replaced?.length === others
        ? patched(previous.documents[kind], entriesOf(replaced, kind))
        : kept(previous?.documents[kind], new Map(entriesOf(documents, kind))),
    ]),
  ) as DocumentsByKind;
}

function keyOf({ document: { kind, name } }: StoredDocument): string {
  return `${kind} ${name}`;
}

function partsOf(
  snapshot: RegistrySnapshot,
  documents: DocumentsByKind,
  runDir: string,
  previous: BuiltCatalog | undefined,
): ReadonlyMap<string, ServerParts> {
  /** Then only documents can have changed, which tell by themselves. */
  const calm =
    previous?.snapshot.discoveries === snapshot.discoveries &&
    previous.snapshot.pins === snapshot.pins &&
    previous.snapshot.versions === snapshot.versions &&
    previous.snapshot.secrets === snapshot.secrets &&
    previous.documents.Secret === documents.Secret;
  const make = (stored: StoredDocument, name: string) =>
    serverParts(stored, snapshot, runDir, previous?.servers.get(name));
  if (calm) return mapped(documents.Server, { from: previous.documents.Server, to: previous.servers }, make);
  return kept(previous?.servers, mapped(documents.Server, undefined, make));
}

/** Those that callers can meet. */
function knownOf(servers: ReadonlyMap<string, ServerParts>, previous: BuiltCatalog | undefined): Catalog['servers'] {
  const before = previous?.catalog.servers;
  const changed = previous === undefined ? null : changedEntries(previous.servers, servers);
  if (before !== undefined && changed?.every(([name, { server }]) => (before.get(name) ?? null) === server))
    return before;
  const known = new Map<string, CatalogServer>();
  for (const [name, { server }] of servers) if (server !== null) known.set(name, server);
  return kept(before, known);
}

function surfacesOf(
  documents: ReadonlyMap<string, StoredDocument>,
  known: Catalog['servers'],
  settings: CatalogContext['settings'],
  previous: BuiltCatalog | undefined,
): Catalog['surfaces'] {
  const before = previous && { from: previous.documents.Surface, to: previous.catalog.surfaces };
  const make = (stored: StoredDocument, name: string, earlier: CatalogSurface | undefined): CatalogSurface => {
    const document = stored.document as SurfaceDocument;
    const members = document.servers.filter(({ server }) => known.has(server));
    const same = before?.from.get(name) === stored && earlier !== undefined && sameItems(members, earlier.members);
    return same ? earlier : asBefore(earlier, surfaceOf(document, members, settings));
  };
  // Which servers there are says which members a surface has; what they are says nothing of it.
  if (before !== undefined && changedEntries(previous!.catalog.servers, known) !== null)
    return mapped(documents, before, make);
  const made = new Map([...documents].map(([name, stored]) => [name, make(stored, name, before?.to.get(name))]));
  return kept(before?.to, made);
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function surfaceOf(
  surface: SurfaceDocument,
  members: SurfaceDocument['servers'],
  settings: CatalogContext['settings'],
): CatalogSurface {
  const { name, instructions, limits } = surface;
  return {
    name,
    url: surfaceUrl(settings.publicUrl, name),
    path: surfacePath(name),
    // `none` was refused at the write unless the gateway was on loopback; it may have moved since then.
    auth: surface.auth === 'none' && !isLoopback(settings.host) ? 'token' : surface.auth,
    decision: surface.decision,
    // By what was declared: the names of tools must not change because a server's state does.
    naming: surface.naming ?? (surface.servers.length === 1 ? 'bare' : 'prefixed'),
    ...(limits === undefined ? {} : { limits: limits as NonNullable<CatalogSurface['limits']> }),
    ...(instructions === undefined ? {} : { instructions }),
    members: members as CatalogSurface['members'],
    ...(surface.issuers === undefined ? {} : { issuers: surface.issuers }),
    ...(surface.record === undefined ? {} : { record: surface.record }),
    ...(surface.cors === undefined ? {} : { cors: surface.cors }),
    ...(surface.scopes === undefined ? {} : { scopes: surface.scopes }),
  };
}

function issuersOf(
  documents: ReadonlyMap<string, StoredDocument>,
  fixed: readonly CatalogIssuer[],
  issuerOf: (stored: StoredDocument) => CatalogIssuer,
): Catalog['issuers'] {
  const all = [...fixed, ...[...documents.values()].map(issuerOf)];
  return new Map(all.map((issuer) => [issuer.name, issuer] as const).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function revocationOf({ name, issuer, subject, jti, before, until }: RevocationDocument): CatalogRevocation {
  return {
    name,
    ...(issuer === undefined ? {} : { issuer }),
    ...(subject === undefined ? {} : { subject }),
    ...(jti === undefined ? {} : { jti }),
    ...(before === undefined ? {} : { beforeMs: Date.parse(before) }),
    untilMs: Date.parse(until),
  };
}

const ofDocument = new WeakMap<StoredDocument, CatalogIssuer>();
function issuerOfDocument(stored: StoredDocument): CatalogIssuer {
  const document = stored.document as IssuerDocument;
  const issuer = ofDocument.get(stored) ?? catalogIssuer(document, inlineKeys(document) ?? []);
  ofDocument.set(stored, issuer);
  return issuer;
}
