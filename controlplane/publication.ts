// Decides what one state of the registry means for Envoy and for our services.
import type { Settings } from '../core/runtime/settings.ts';
import { buildCatalog } from './catalog/build.ts';
import { discoveryTargets } from './discovery/targets.ts';
import type { Keys } from './keys/keys.ts';
import type { Publication } from './publish.ts';
import type { RegistrySnapshot } from './registry/registry.ts';
import { translate } from './xds/translate/translate.ts';
import type { Place } from './xds/translate/types.ts';

export interface PublicationContext {
  readonly place: Place;
  readonly settings: Pick<Settings, 'host' | 'publicUrl' | 'runDir'>;
  readonly keys: Pick<Keys, 'issuer' | 'sessionKeys'>;
}

/** Pure. */
export function buildPublication(
  snapshot: RegistrySnapshot,
  { place, settings, keys }: PublicationContext,
): Publication {
  const { catalog, backends, stdio } = buildCatalog({
    revision: snapshot.revision,
    documents: snapshot.documents.map(({ document }) => document),
    discoveries: snapshot.discoveries,
    settings,
    issuers: [keys.issuer],
    sessionKeys: keys.sessionKeys,
  });
  return {
    revision: catalog.revision,
    targets: discoveryTargets(backends, snapshot.documents),
    envoy: translate({ catalog, backends, place }),
    own: {
      server: catalog.servers,
      surface: catalog.surfaces,
      policy: catalog.policies,
      issuer: catalog.issuers,
      sessionKey: new Map(catalog.sessionKeys.map((key) => [key.kid, key])),
      stdioServer: new Map(stdio.map((server) => [server.server, server])),
      tombstone: new Map(snapshot.tombstones.map((tombstone) => [tombstone.tokenId, tombstone])),
    },
  };
}
