// Decides what one snapshot changes against another, once for all streams that are given it.
import { EMPTY_TYPE, type Snapshot, type SnapshotResource, type TypeSnapshot } from './snapshot.ts';

/** Type URL → the names that came, went or have another version. A type that is not in it is as it was. */
export type Changes = ReadonlyMap<string, ReadonlySet<string>>;

export function changesBetween(before: Snapshot, after: Snapshot): Changes {
  const changes = new Map<string, ReadonlySet<string>>();
  for (const typeUrl of new Set([...before.types.keys(), ...after.types.keys()])) {
    const names = changedNames(before.types.get(typeUrl) ?? EMPTY_TYPE, after.types.get(typeUrl) ?? EMPTY_TYPE);
    if (names.size > 0) changes.set(typeUrl, names);
  }
  return changes;
}

/** Whether a client that has the one need not be sent the other. */
export function sameResource(
  a: Pick<SnapshotResource, 'version' | 'ttlMs'>,
  b: Pick<SnapshotResource, 'version' | 'ttlMs'>,
): boolean {
  return a.version === b.version && a.ttlMs === b.ttlMs;
}

function changedNames(before: TypeSnapshot, after: TypeSnapshot): ReadonlySet<string> {
  const names = new Set<string>();
  if (before === after) return names;
  for (const [name, resource] of after.resources) {
    const held = before.resources.get(name);
    if (held !== resource && (held === undefined || !sameResource(held, resource))) names.add(name);
  }
  for (const name of before.resources.keys()) {
    if (!after.resources.has(name)) names.add(name);
  }
  return names;
}

const withTtl = new WeakMap<TypeSnapshot, readonly string[]>();

/** The names of the resources that a client gives up when it hears nothing of them. */
export function namesWithTtl(type: TypeSnapshot): readonly string[] {
  const known = withTtl.get(type);
  if (known !== undefined) return known;
  const names = [...type.resources].flatMap(([name, { ttlMs }]) => (ttlMs === undefined ? [] : [name]));
  withTtl.set(type, names);
  return names;
}
