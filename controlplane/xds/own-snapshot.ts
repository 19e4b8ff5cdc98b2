// Decides how our own resources become a snapshot, and what the Revision among them says.

import { hash } from 'node:crypto';
import type { Revision } from '../../core/catalog/catalog.ts';
import { SetDigest } from '../../core/catalog/digest.ts';
import { OWN_TYPES, type OwnKind, REVISION_KINDS } from '../../core/contract.ts';
import { encodeDocument } from '../../core/grpc/ads.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { kept, mapped } from '../catalog/kept.ts';
import { type Snapshot, type SnapshotResource, type TypeSnapshot, typeSnapshot } from './snapshot.ts';

/** kind → name → the resource (plain data, as core/catalog has it). `revision` is made here. */
export type OwnResources = { readonly [kind in Exclude<OwnKind, 'revision'>]?: ReadonlyMap<string, object> };

/** The one Revision resource's name. */
export const REVISION_NAME = 'current';

export interface OwnSnapshotOptions {
  /** The snapshot that this one will replace: what did not change is the same object in both. */
  readonly previous?: Snapshot | undefined;
  /** Stdio server → its version; without one it is a hash of the content, by which a short secret could be guessed. */
  readonly stdioVersions?: ReadonlyMap<string, string>;
}

/** A catalog's parts are immutable and shared by revisions: an object that was encoded is not encoded again. */
const ENCODED = new WeakMap<object, SnapshotResource>();
/** The resources of which a type's snapshot was made last. */
const MADE_OF = new WeakMap<TypeSnapshot, ReadonlyMap<string, object>>();

/**
 * Serialises resources of our own kinds. With a revision, a `Revision` is added that sums up every resource of
 * REVISION_KINDS; without, none is (the bridge has no use for one). A revision in which none of these is another than in
 * `previous` leaves the Revision as it was: services need not hear of it.
 */
export function buildOwnSnapshot(input: OwnResources, revision?: number, options: OwnSnapshotOptions = {}): Snapshot {
  const { previous, stdioVersions } = options;
  const types = new Map<string, TypeSnapshot>();
  const digest = new SetDigest();
  for (const [kind, resources] of Object.entries(input) as [OwnKind, ReadonlyMap<string, object>][]) {
    const versions = kind === 'stdioServer' ? stdioVersions : undefined;
    const type = typeOf(kind, resources, previous?.types.get(OWN_TYPES[kind]), versions);
    types.set(OWN_TYPES[kind], type);
    // The digest of a type is of its kind, names and versions, and so is that of a revision.
    if (REVISION_KINDS.includes(kind)) digest.merge(type.version);
  }
  if (revision !== undefined) {
    const before = previous?.types.get(OWN_TYPES.revision);
    types.set(OWN_TYPES.revision, revisionType({ revision, digest: digest.text() }, before));
  }
  if (previous !== undefined && kept(previous.types, types) === previous.types) return previous;
  return { types, references: [], endpointsOf: new Map() };
}

function typeOf(
  kind: OwnKind,
  resources: ReadonlyMap<string, object>,
  before: TypeSnapshot | undefined,
  versions: ReadonlyMap<string, string> | undefined,
): TypeSnapshot {
  const from = before === undefined ? undefined : MADE_OF.get(before);
  const held = mapped(
    resources,
    before && from && { from, to: before.resources },
    (value, name, earlier): SnapshotResource => {
      const resource = encode(value, versions?.get(name));
      return earlier?.version === resource.version ? earlier : resource;
    },
  );
  const made = typeSnapshot(held, before, kind);
  MADE_OF.set(made, resources);
  return made;
}

const DIGESTS = new WeakMap<TypeSnapshot, string>();

function revisionType(revision: Revision, before: TypeSnapshot | undefined): TypeSnapshot {
  if (before !== undefined && DIGESTS.get(before) === revision.digest) return before;
  const made = typeSnapshot(new Map([[REVISION_NAME, encode(revision)]]), before, 'revision');
  DIGESTS.set(made, revision.digest);
  return made;
}

function encode(value: object, version?: string): SnapshotResource {
  const before = ENCODED.get(value);
  if (before !== undefined && (version === undefined || version === before.version)) return before;
  const json = canonicalJson(value);
  // A copy: the encoder's own bytes are a part of a buffer several times as large, which would be held with them.
  const bytes = new Uint8Array(encodeDocument(json));
  const resource = { version: version ?? hash('sha256', json, 'hex'), bytes };
  ENCODED.set(value, resource);
  return resource;
}
