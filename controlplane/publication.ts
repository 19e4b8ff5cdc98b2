// Decides what one state of the registry means for Envoys and for our services.
import type { CatalogIssuer, IdentityKey } from '../core/catalog/catalog.ts';
import type { Settings } from '../core/runtime/settings.ts';
import { type BuiltCatalog, buildCatalog } from './catalog/build.ts';
import { changedEntries, kept } from './catalog/kept.ts';
import { groupResolver, type NodeFacts } from './catalog/node-groups.ts';
import type { DiscoveryTarget } from './discovery/targets.ts';
import type { Keys } from './keys/keys.ts';
import type { RegistrySnapshot, StoredDocument } from './registry/types.ts';
import type { EnvoyResources } from './xds/envoy-snapshot.ts';
import type { OwnResources } from './xds/own-snapshot.ts';
import { type Translation, translate } from './xds/translate/translate.ts';
import type { Place } from './xds/translate/types.ts';

export interface PublicationContext {
  readonly place: Place;
  readonly settings: Pick<Settings, 'host' | 'publicUrl' | 'runDir'>;
  readonly keys: Pick<Keys, 'issuer' | 'sessionKeys'>;
  /** Those of now. */
  readonly identityKeys?: () => readonly IdentityKey[];
  readonly issuerOf?: (stored: StoredDocument) => CatalogIssuer;
}

/** One revision as it shall be served. */
export interface Publication {
  readonly revision: number;
  /** Group of Envoys → what they are given: `envoy` everything, then one for each NodeGroup document. */
  readonly envoy: ReadonlyMap<string, EnvoyResources>;
  /** The group of an Envoy. */
  readonly groupOf: (node: NodeFacts) => string;
  readonly own: OwnResources;
  /** Secret resource → its version, which tells nothing of the content. */
  readonly secretVersions: ReadonlyMap<string, string>;
  /** The same for stdio servers, whose environment may have secrets. */
  readonly stdioVersions: ReadonlyMap<string, string>;
  /** The server versions to read, once Envoy knows them. */
  readonly targets: readonly DiscoveryTarget[];
  /** From which the next one is made. */
  readonly made: Made;
}

const NO_KEYS: readonly IdentityKey[] = [];

interface Made {
  readonly context: PublicationContext;
  readonly built: BuiltCatalog;
  readonly translation: Translation;
}

const NO_INSTANCES: ReadonlyMap<string, object> = new Map();

/**
 * Equal snapshots give equal publications, whatever was made before.
 * @param previous what was made before with the same context: what did not change since is the same object in both.
 * @param blocked clusters that Envoy is not given: see Discovery. They are targets all the same.
 */
export function buildPublication(
  snapshot: RegistrySnapshot,
  context: PublicationContext,
  previous?: Publication,
  blocked?: ReadonlySet<string>,
): Publication {
  const before = previous?.made.context === context ? previous : undefined;
  const { place, settings, keys, issuerOf, identityKeys } = context;
  const built = buildCatalog(
    snapshot,
    {
      settings,
      issuers: [keys.issuer],
      ...(issuerOf && { issuerOf }),
      sessionKeys: keys.sessionKeys,
      identityKeys: identityKeys?.() ?? NO_KEYS,
    },
    before?.made.built,
  );
  const translation = translate({ built, place, ...(blocked && { blocked }) }, before?.made.translation);
  const { catalog, documents, servers } = built;
  const changed = before === undefined ? null : changedEntries(before.made.built.servers, servers);
  const same = (part: 'stdio' | 'targets'): boolean =>
    changed?.every(([name, parts]) => before!.made.built.servers.get(name)![part] === parts[part]) === true;
  const stdio = same('stdio') ? null : [...servers.values()].flatMap((parts) => parts.stdio);
  const tombstones = before?.made.built.snapshot.tombstones === snapshot.tombstones ? before?.own.tombstone : undefined;
  return {
    revision: snapshot.revision,
    envoy: new Map([...translation.groups].map(([group, { resources }]) => [group, resources])),
    groupOf:
      before?.made.built.documents.NodeGroup === documents.NodeGroup
        ? before.groupOf
        : groupResolver(documents.NodeGroup),
    own: {
      server: catalog.servers,
      surface: catalog.surfaces,
      policy: catalog.policies,
      issuer: catalog.issuers,
      revocation: catalog.revocations,
      apiKey: snapshot.apiKeys,
      // Whoever is connected: see xds/instances.ts.
      instance: NO_INSTANCES,
      sessionKey: kept(before?.own.sessionKey, new Map(catalog.sessionKeys.map((key) => [key.kid, key]))),
      identityKey: kept(before?.own.identityKey, new Map(catalog.identityKeys.map((key) => [key.kid, key]))),
      stdioServer:
        stdio === null
          ? before!.own.stdioServer!
          : kept(before?.own.stdioServer, new Map(stdio.map(({ name, definition }) => [name, definition]))),
      tombstone: tombstones ?? new Map(snapshot.tombstones.map((tombstone) => [tombstone.tokenId, tombstone])),
    },
    secretVersions: translation.secretVersions,
    stdioVersions:
      stdio === null ? before!.stdioVersions : new Map(stdio.map(({ name, contentVersion }) => [name, contentVersion])),
    targets: same('targets') ? before!.targets : [...servers.values()].flatMap((parts) => parts.targets),
    made: { context, built, translation },
  };
}
