// Decides how our own resources become a snapshot, and what the Revision among them says.
import { OWN_TYPES, type OwnKind, REVISION_KINDS } from '../../core/contract.ts';
import { encodeDocument } from '../../core/grpc/ads.ts';
import { canonicalJson, contentHash } from '../../core/runtime/canonical.ts';
import { type Snapshot, type SnapshotResource, type TypeSnapshot, typeSnapshot } from './snapshot.ts';

/** kind → name → the resource (plain data, as core/catalog has it). `revision` is made here. */
export type OwnResources = { readonly [kind in Exclude<OwnKind, 'revision'>]?: ReadonlyMap<string, object> };

/** The one Revision resource's name. */
export const REVISION_NAME = 'current';

/** A catalog's parts are immutable and shared by revisions: an object that was encoded is not encoded again. */
const encoded = new WeakMap<object, SnapshotResource>();

/**
 * Serialises resources of our own kinds. With a revision, a `Revision` is added that names every resource of
 * REVISION_KINDS as `kind/name` → version; without, none is (the bridge has no use for one).
 */
export function buildOwnSnapshot(input: OwnResources, revision?: number): Snapshot {
  const types = new Map<string, TypeSnapshot>();
  const named: Record<string, string> = {};
  for (const [kind, resources] of Object.entries(input) as [OwnKind, ReadonlyMap<string, object>][]) {
    const held = new Map([...resources].map(([name, value]) => [name, encode(value)]));
    types.set(OWN_TYPES[kind], typeSnapshot(held));
    if (!REVISION_KINDS.includes(kind)) continue;
    for (const [name, { version }] of held) named[`${kind}/${name}`] = version;
  }
  if (revision !== undefined) {
    const resource = encode({ revision, resources: named });
    types.set(OWN_TYPES.revision, typeSnapshot(new Map([[REVISION_NAME, resource]])));
  }
  return { types, references: [], endpointsOf: new Map() };
}

function encode(value: object): SnapshotResource {
  const before = encoded.get(value);
  if (before !== undefined) return before;
  const resource = { version: contentHash(value), bytes: encodeDocument(canonicalJson(value)) };
  encoded.set(value, resource);
  return resource;
}
