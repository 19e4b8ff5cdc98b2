// Decides which Envoys belong to which group, and which surfaces and servers a group has to do with.
import type { NodeGroupDocument } from '../../core/catalog/document.ts';
import { NODE_GROUPS } from '../../core/contract.ts';
import { compileGlob, type Glob } from '../../core/policy/glob.ts';
import type { StoredDocument } from '../registry/types.ts';
import type { BuiltCatalog } from './build.ts';

/** What the group of a document is called among xDS clients: apart from those of our own services, whatever its name. */
export function envoyGroup(name: string): string {
  return `${NODE_GROUPS.envoy}.${name}`;
}

/** What an Envoy says of itself. */
export interface NodeFacts {
  readonly id: string;
  /** `node.cluster`. */
  readonly cluster: string;
  /** `node.metadata`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** `node.locality.zone`; '' for none. */
  readonly zone: string;
}

/** The first group in the order of names that fits; one that none fits is given everything. Total. */
export function groupResolver(documents: ReadonlyMap<string, StoredDocument>): (node: NodeFacts) => string {
  const groups = [...documents].map(([name, { document }]) => {
    const { ids, clusters, zones, metadata } = (document as NodeGroupDocument).match;
    return {
      name: envoyGroup(name),
      ids: globs(ids),
      clusters: globs(clusters),
      zones: globs(zones),
      metadata: Object.entries(metadata ?? {}),
    };
  });
  return (node) =>
    groups.find(
      ({ ids, clusters, zones, metadata }) =>
        (ids?.some((fits) => fits(node.id)) ?? true) &&
        (clusters?.some((fits) => fits(node.cluster)) ?? true) &&
        (zones?.some((fits) => fits(node.zone)) ?? true) &&
        metadata.every(([key, value]) => Object.hasOwn(node.metadata, key) && node.metadata[key] === value),
    )?.name ?? NODE_GROUPS.envoy;
}

/** Names, in their order. */
export interface GroupView {
  readonly surfaces: readonly string[];
  /** The members of these surfaces. */
  readonly servers: readonly string[];
}

/** By the name of the group. A view of which nothing changed is the same object as before. */
export function groupViews(
  { documents, catalog }: BuiltCatalog,
  previous?: { readonly built: BuiltCatalog; readonly views: ReadonlyMap<string, GroupView> },
): ReadonlyMap<string, GroupView> {
  const calm = previous?.built.catalog.surfaces === catalog.surfaces;
  return new Map(
    [...documents.NodeGroup].map(([name, stored]) => {
      const before = previous?.built.documents.NodeGroup.get(name) === stored ? previous.views.get(name) : undefined;
      return [name, calm && before !== undefined ? before : viewOf(stored.document as NodeGroupDocument, catalog)];
    }),
  );
}

function viewOf({ surfaces: patterns }: NodeGroupDocument, catalog: BuiltCatalog['catalog']): GroupView {
  const wanted = globs(patterns) ?? [];
  const surfaces = [...catalog.surfaces.values()].filter(({ name }) => wanted.some((matches) => matches(name)));
  const servers = new Set(surfaces.flatMap(({ members }) => members.map(({ server }) => server)));
  return { surfaces: surfaces.map(({ name }) => name), servers: [...servers].sort() };
}

function globs(patterns: readonly string[] | undefined): readonly Glob[] | undefined {
  return patterns?.map(compileGlob);
}
