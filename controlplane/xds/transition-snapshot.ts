// Decides what Envoys hold while the services change over from one revision to the next: what comes, and still what goes.
import { kept } from '../catalog/kept.ts';
import { CDS, EDS, SDS } from './resource-types.ts';
import { EMPTY_TYPE, type Snapshot, typeSnapshot } from './snapshot.ts';

/** What calls that are under way may still need. */
const PER_BACKEND = [CDS, EDS, SDS].map(({ typeUrl }) => typeUrl);

/**
 * `next` with the clusters, their endpoints and secrets that only `before` has; `next` itself when there are none. Both
 * are consistent, and so is this: what either points to is in it. So it is not checked, and has no references.
 */
export function transitionSnapshot(before: Snapshot | undefined, next: Snapshot): Snapshot {
  if (before === undefined || before === next) return next;
  const types = new Map(next.types);
  for (const typeUrl of PER_BACKEND) {
    const type = next.types.get(typeUrl) ?? EMPTY_TYPE;
    const gone = [...(before.types.get(typeUrl) ?? EMPTY_TYPE).resources].filter(([name]) => !type.resources.has(name));
    if (gone.length > 0) types.set(typeUrl, typeSnapshot(new Map([...type.resources, ...gone]), type));
  }
  if (kept(next.types, types) === next.types) return next;
  return { types, references: [], endpointsOf: new Map([...before.endpointsOf, ...next.endpointsOf]) };
}

/** Names of clusters, and of secrets, that `next` has and `before` has not. */
export function additions(before: Snapshot | undefined, next: Snapshot): readonly { typeUrl: string; name: string }[] {
  return [CDS.typeUrl, SDS.typeUrl].flatMap((typeUrl) => {
    const held = before?.types.get(typeUrl) ?? EMPTY_TYPE;
    const type = next.types.get(typeUrl) ?? EMPTY_TYPE;
    if (held === type) return [];
    return [...type.resources.keys()].filter((name) => !held.resources.has(name)).map((name) => ({ typeUrl, name }));
  });
}
