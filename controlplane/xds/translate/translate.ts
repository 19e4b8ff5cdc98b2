// Decides what each group of Envoys receives of a catalog: every resource, by type and name.
import type { Catalog } from '../../../core/catalog/catalog.ts';
import type { RuntimeDocument } from '../../../core/catalog/document.ts';
import { EXTENSIONS, NODE_GROUPS, ROUTES, RUNTIME_LAYER } from '../../../core/contract.ts';
import type { BuiltCatalog } from '../../catalog/build.ts';
import { kept, mapped } from '../../catalog/kept.ts';
import { envoyGroup, type GroupView, groupViews } from '../../catalog/node-groups.ts';
import { serviceClusters } from './clusters.ts';
import { listeners } from './listeners.ts';
import { originExtension } from './origin.ts';
import { perServer, type ServerContext, type ServersOfGroup } from './per-server.ts';
import { egressRoutes, ingressRoutes, type SurfaceRoutes, surfaceRoutes } from './routes.ts';
import { runtimeLayer } from './runtime.ts';
import { documentOf } from './secrets.ts';
import { TYPES } from './type-urls.ts';
import { type EnvoyJson, NONE_BLOCKED, type Place, type Translated, type TranslateInput } from './types.ts';

export interface Translation {
  readonly built: BuiltCatalog;
  readonly fixed: Fixed;
  readonly surfaces: ReadonlyMap<string, SurfaceRoutes>;
  readonly views: ReadonlyMap<string, GroupView>;
  /** By group: all Envoys first, then those of NodeGroup documents. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Secret resource → its version: a hash of the content would let people guess the content. */
  readonly secretVersions: ReadonlyMap<string, string>;
}

/** What depends on nothing that is registered. */
interface Fixed extends ServerContext {
  readonly listeners: ReadonlyMap<string, EnvoyJson>;
  readonly extensions: ReadonlyMap<string, EnvoyJson>;
  readonly egress: EnvoyJson;
}

interface Group extends ServersOfGroup {
  readonly surfaces: ReadonlyMap<string, SurfaceRoutes>;
  readonly resources: Translated;
}

/**
 * Equal catalogs give equal bytes, whatever was translated before.
 * @param previous what was translated before for the same place: what did not change since is the same object in both.
 */
export function translate(
  { built, place, blocked = NONE_BLOCKED }: TranslateInput,
  previous?: Translation,
): Translation {
  const fixed = previous?.fixed.place === place ? previous.fixed : fixedOf(place);
  const { issuers, surfaces: declared, identityKeys } = built.catalog;
  const sameKeys = previous?.built.catalog.identityKeys === identityKeys;
  const surfaces = mapped(
    declared,
    previous?.built.catalog.issuers === issuers
      ? { from: previous.built.catalog.surfaces, to: previous.surfaces }
      : undefined,
    (surface, _, before) => surfaceRoutes(surface, issuers, before),
  );
  const views = groupViews(built, previous);
  const runtime = runtimeOf(built, previous);
  const groups = new Map<string, Group>();
  const add = (group: string, servers: Group['servers'], itsSurfaces: Group['surfaces']): void => {
    const before = previous?.fixed === fixed ? previous.groups.get(group) : undefined;
    const surfaces = kept(before?.surfaces, itsSurfaces);
    const { clusters, endpoints, secrets } = perServer({ servers, blocked }, built, fixed, before);
    const resources = {
      [TYPES.cluster]: clusters,
      [TYPES.endpoints]: endpoints,
      [TYPES.listener]: fixed.listeners,
      [TYPES.routes]:
        before?.surfaces === surfaces && sameKeys
          ? before.resources[TYPES.routes]!
          : routesOf(surfaces, fixed, identityKeys),
      [TYPES.secret]: secrets,
      [TYPES.extension]: fixed.extensions,
      [TYPES.runtime]: runtime,
    };
    groups.set(group, { servers, blocked, surfaces, resources });
  };
  add(NODE_GROUPS.envoy, built.servers, surfaces);
  for (const [name, view] of views)
    add(envoyGroup(name), picked(built.servers, view.servers), picked(surfaces, view.surfaces));
  const secrets = groups.get(NODE_GROUPS.envoy)!.resources[TYPES.secret]!;
  return { built, fixed, surfaces, views, groups, secretVersions: secretVersions(built, secrets) };
}

function fixedOf(place: Place): Fixed {
  return {
    place,
    made: new WeakMap(),
    clusters: new Map(serviceClusters(place).map((cluster) => [String(cluster.name), cluster])),
    listeners: new Map(Object.entries(listeners(place))),
    extensions: new Map([[EXTENSIONS.origin, originExtension(place)]]),
    egress: egressRoutes(),
  };
}

function secretVersions(built: BuiltCatalog, resources: ReadonlyMap<string, EnvoyJson>): ReadonlyMap<string, string> {
  return new Map(
    [...resources.keys()].map((name) => [name, built.snapshot.find('Secret', documentOf(name))?.hash ?? '']),
  );
}

function runtimeOf(built: BuiltCatalog, previous: Translation | undefined): ReadonlyMap<string, EnvoyJson> {
  const before = previous?.groups.get(NODE_GROUPS.envoy)?.resources[TYPES.runtime];
  if (before !== undefined && previous?.built.documents.Runtime === built.documents.Runtime) return before;
  const documents = [...built.documents.Runtime.values()].map(({ document }) => document as RuntimeDocument);
  return new Map([[RUNTIME_LAYER, runtimeLayer(documents)]]);
}

function routesOf(
  surfaces: Group['surfaces'],
  fixed: Fixed,
  keys: Catalog['identityKeys'],
): ReadonlyMap<string, EnvoyJson> {
  return new Map([
    [ROUTES.ingress, ingressRoutes(surfaces.values(), fixed.place, keys)],
    [ROUTES.egress, fixed.egress],
  ]);
}

function picked<Value>(map: ReadonlyMap<string, Value>, names: readonly string[]): ReadonlyMap<string, Value> {
  return new Map(names.flatMap((name) => (map.has(name) ? [[name, map.get(name)!] as const] : [])));
}
