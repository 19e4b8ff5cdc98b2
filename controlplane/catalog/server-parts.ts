// Decides what one server document means: for its callers, for Envoy, for discovery, for the bridge.
import type { AnnotationOverrides, CatalogServer, Discovered, ServerVersion } from '../../core/catalog/catalog.ts';
import type { ServerAuth, ServerDocument, ServerVersionDocument } from '../../core/catalog/document.ts';
import { pinningOf } from '../../core/catalog/documents/server.ts';
import { type EndpointAddress, parseEndpoint } from '../../core/catalog/endpoint.ts';
import { LIFECYCLE } from '../../core/catalog/lifecycle.ts';
import { backendCluster, HEADERS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import type { DiscoveryTarget } from '../discovery/targets.ts';
import { type Pinned, pinnedOf } from '../pinning/pinned.ts';
import { secretUses } from '../registry/references.ts';
import { versionKey } from '../registry/state.ts';
import type { RegistrySnapshot, StoredDocument } from '../registry/types.ts';
import { type BackendEndpoint, isNamed, resolveEndpoints } from './endpoints.ts';
import { asBefore } from './kept.ts';
import { type StdioParts, stdioParts } from './stdio.ts';

/** How the gateway says who it is; nothing where it does not. */
export type BackendAuth = Exclude<ServerAuth, { readonly type: 'none' }>;

/** A server version that Envoy reaches, and how. */
export interface Backend {
  /** Its name. */
  readonly server: string;
  readonly version: ServerVersion;
  /** Unix sockets as absolute paths. */
  readonly endpoints: readonly BackendEndpoint[];
  /** HTTP path of a health check; absent: TCP connect. */
  readonly healthPath?: string;
  readonly tls?: NonNullable<ServerVersionDocument['tls']>;
  readonly auth?: BackendAuth;
}

export interface ServerParts {
  /** Of which it was made, beside the document. */
  readonly stored: StoredDocument;
  readonly inputs: readonly unknown[];
  /** null: none of its versions may be met by a caller. */
  readonly server: CatalogServer | null;
  /** In the order of the document. */
  readonly backends: readonly Backend[];
  readonly targets: readonly DiscoveryTarget[];
  /** For the bridge only. */
  readonly stdio: readonly StdioParts[];
}

/** `before` itself when nothing of which it was made is another. */
export function serverParts(
  stored: StoredDocument,
  snapshot: RegistrySnapshot,
  runDir: string,
  before: ServerParts | undefined,
): ServerParts {
  const document = stored.document as ServerDocument;
  const inputs = inputsOf(document, snapshot);
  if (before?.stored === stored && inputs.every((input, index) => input === before.inputs[index])) return before;
  const each = document.versions.map((version) => ({
    version,
    backend: backendOf(document, version, snapshot, runDir),
  }));
  const known = each.filter(({ version }) => LIFECYCLE[version.state].known).map(({ backend }) => backend.version);
  const reached = each.filter(({ version }) => LIFECYCLE[version.state].reached);
  return {
    stored,
    inputs,
    server: known.length === 0 ? null : sameServer(before?.server, serverOf(document, known)),
    backends: reached.map(({ backend }) => backend),
    targets: asBefore(
      before?.targets,
      reached.map(({ version, backend }) => targetOf(version, backend, snapshot)),
    ),
    stdio: asBefore(
      before?.stdio,
      reached.flatMap(({ version }) => stdioParts(document.name, version, snapshot, runDir)),
    ),
  };
}

/** `before` itself when callers meet the same: what was read is compared by identity, it can be large. */
function sameServer(before: CatalogServer | null | undefined, after: CatalogServer): CatalogServer {
  if (before?.versions.length !== after.versions.length) return after;
  const unread = ({ versions, ...rest }: CatalogServer) =>
    JSON.stringify([rest, versions.map(({ discovered: _, ...version }) => version)]);
  // What is shown of a change that waits is what was shown before it: another object that says the same.
  const same = (a: Discovered | null, b: Discovered | null | undefined): boolean =>
    a === b || (a !== null && a.hash === b?.hash);
  return after.versions.every(({ discovered }, index) => same(discovered, before.versions[index]?.discovered)) &&
    unread(before) === unread(after)
    ? before
    : after;
}

function inputsOf({ name, versions }: ServerDocument, snapshot: RegistrySnapshot): unknown[] {
  return versions.flatMap((version) => {
    const key = versionKey(name, version.version);
    const secrets = secretUses(version).map(({ secret }) => snapshot.find('Secret', secret));
    return [snapshot.discoveries.get(key)?.discovered, snapshot.pins.get(key), snapshot.versions.get(key), ...secrets];
  });
}

function serverOf(
  { name, labels, classification, annotations, toolLabels, identity }: ServerDocument,
  versions: readonly ServerVersion[],
) {
  return {
    name,
    labels,
    ...(classification === undefined ? {} : { classification }),
    // The schema never makes an undefined member.
    ...(annotations === undefined ? {} : { annotations: annotations as AnnotationOverrides }),
    ...(toolLabels === undefined ? {} : { toolLabels }),
    ...(identity === undefined
      ? {}
      : {
          identity: {
            header: identity.header ?? HEADERS.identity,
            audience: identity.audience ?? `chancery:server:${name}`,
            ttlSeconds: identity.ttl ?? LIMITS.identityTtlSecondsMax,
            claims: identity.claims ?? [],
          },
        }),
    versions,
  } satisfies CatalogServer;
}

function backendOf(
  server: ServerDocument,
  document: ServerVersionDocument,
  snapshot: RegistrySnapshot,
  runDir: string,
): Backend {
  const { name } = server;
  const endpoints = resolveEndpoints(name, document, runDir);
  const { healthCheck, tls, auth } = document;
  const key = versionKey(name, document.version);
  const read = snapshot.discoveries.get(key)?.discovered ?? null;
  const pinned = read === null ? null : pinnedOf(read, snapshot.pins.get(key), pinningOf(server));
  return {
    server: name,
    version: versionOf(name, document, endpoints, snapshot, pinned),
    endpoints,
    ...(healthCheck === undefined ? {} : { healthPath: healthCheck.path }),
    ...(tls === undefined ? {} : { tls }),
    ...(auth === undefined || auth.type === 'none' ? {} : { auth }),
  };
}

function versionOf(
  name: string,
  { version, state, canary, sunset }: ServerVersionDocument,
  endpoints: readonly BackendEndpoint[],
  snapshot: RegistrySnapshot,
  pinned: Pinned | null,
): ServerVersion {
  const sinceMs = snapshot.versions.get(versionKey(name, version))?.sinceMs ?? 0;
  return {
    name,
    version,
    state,
    ...(canary === undefined ? {} : { canary: { percent: canary.percent ?? 0, principals: canary.principals ?? [] } }),
    ...(state === 'deprecated'
      ? { deprecation: { sinceMs, ...(sunset === undefined ? {} : { sunsetMs: Date.parse(sunset) }) } }
      : {}),
    cluster: backendCluster(name, version),
    path: endpoints[0]?.path ?? '/',
    discovered: pinned?.discovered ?? null,
    ...(pinned?.candidates === undefined ? {} : { candidates: pinned.candidates }),
  };
}

/** It is read again when what is dialled, or with what, is another, and not when its description is. */
function targetOf(document: ServerVersionDocument, backend: Backend, snapshot: RegistrySnapshot): DiscoveryTarget {
  const { endpoints, stdio, tls, auth } = document;
  const secrets = secretUses(document).map(({ secret }) => snapshot.find('Secret', secret)?.hash ?? '');
  const { name: server, version, cluster, path } = backend.version;
  const token = backend.auth?.type === 'oauth' ? parseEndpoint(backend.auth.tokenUrl) : null;
  const dialled: readonly EndpointAddress[] = token === null ? backend.endpoints : [...backend.endpoints, token];
  const hosts = new Set(dialled.filter(isNamed).map(({ host }) => host));
  return {
    server,
    version,
    cluster,
    path,
    documentHash: contentHash({ endpoints, stdio, tls, auth, secrets }),
    ...(hosts.size === 0 ? {} : { hosts: [...hosts] }),
  };
}
