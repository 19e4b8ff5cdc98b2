// Decides when what is held makes a whole revision, and what catalog that is.
import type { Catalog, Revision } from '../catalog/catalog.ts';
import type { ResourceOf } from '../catalog/resources.ts';
import { type OwnKind, REVISION_KINDS } from '../contract.ts';
import type { Held, Store } from './store.ts';

/**
 * The catalog of the revision, of exactly the resources that it names; null while one of them is not held in that
 * version. Kinds that this client does not subscribe to are left out.
 */
export function assemble(store: Store, revision: Revision, kinds: readonly OwnKind[]): Catalog | null {
  const wanted = kinds.filter((kind) => REVISION_KINDS.includes(kind));
  const names = new Map<OwnKind, string[]>(wanted.map((kind) => [kind, []]));
  for (const [key, version] of Object.entries(revision.resources)) {
    const slash = key.indexOf('/');
    const kind = key.slice(0, slash) as OwnKind;
    const name = key.slice(slash + 1);
    const list = names.get(kind);
    if (list === undefined) continue;
    if (store.held(kind).get(name)?.version !== version) return null;
    list.push(name);
  }
  const part = <Kind extends OwnKind>(kind: Kind): ReadonlyMap<string, ResourceOf[Kind]> => {
    const held: ReadonlyMap<string, Held<ResourceOf[Kind]>> = store.held(kind);
    return new Map((names.get(kind) ?? []).sort().map((name) => [name, held.get(name)!.value]));
  };
  return {
    revision: revision.revision,
    servers: part('server'),
    surfaces: part('surface'),
    policies: part('policy'),
    issuers: part('issuer'),
    sessionKeys: [...part('sessionKey').values()],
  };
}
