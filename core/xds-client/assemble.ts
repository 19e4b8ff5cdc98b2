// Decides when what is held makes a whole revision, and what catalog that is.
import type { Catalog, CatalogApiKey, Revision } from '../catalog/catalog.ts';
import type { Store } from './store.ts';

/**
 * The catalog of the revision; null while what is held is not exactly what its digest says. What did not change since
 * the catalog before is the same map in this one.
 */
export function assemble(store: Store, { revision, digest }: Revision): Catalog | null {
  if (store.digest() !== digest) return null;
  return {
    revision,
    servers: store.values('server'),
    surfaces: store.values('surface'),
    policies: store.values('policy'),
    issuers: store.values('issuer'),
    revocations: store.values('revocation'),
    apiKeys: byHash(store.values('apiKey')),
    sessionKeys: sessionKeys(store),
    identityKeys: identityKeys(store),
  };
}

/** They come and go beside the revisions. */
export function sessionKeys(store: Store): Catalog['sessionKeys'] {
  return [...store.values('sessionKey').values()];
}

export function identityKeys(store: Store): Catalog['identityKeys'] {
  return [...store.values('identityKey').values()];
}

const hashed = new WeakMap<ReadonlyMap<string, CatalogApiKey>, Catalog['apiKeys']>();

function byHash(keys: ReadonlyMap<string, CatalogApiKey>): Catalog['apiKeys'] {
  const known = hashed.get(keys);
  if (known !== undefined) return known;
  const made = new Map([...keys.values()].map((key) => [key.sha256, key]));
  hashed.set(keys, made);
  return made;
}
