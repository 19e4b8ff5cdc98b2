// Decides which ext-proc are told of each other, and when.
import type { Instance } from '../../core/catalog/catalog.ts';
import { INSTANCE_METADATA, NODE_GROUPS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { NodeInfo } from './nodes.ts';
import { buildOwnSnapshot } from './own-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** Those that say where they are. On plain TCP anybody could say that he is one. */
export function instancesOf(
  nodes: readonly Pick<NodeInfo, 'id' | 'client' | 'transport' | 'metadata'>[],
): ReadonlyMap<string, Instance> {
  const found = nodes.flatMap(({ id, client, transport, metadata }): (readonly [string, Instance])[] => {
    const name = metadata[INSTANCE_METADATA.name] ?? '';
    const address = metadata[INSTANCE_METADATA.address] ?? '';
    const isOne = client === NODE_GROUPS.extProc && transport !== 'tcp' && name !== '' && address !== '';
    return isOne ? [[name, { name, node: id, address }]] : [];
  });
  return new Map(found.slice(0, LIMITS.instancesMax));
}

/** Where snapshots go. */
export interface Given {
  setSnapshot(group: string, snapshot: Snapshot): void;
  instances(): ReadonlyMap<string, Instance>;
}

export interface Announced extends Pick<Given, 'setSnapshot'> {
  /** Somebody came or went. */
  changed(): void;
}

/**
 * Adds the instances to what the group of ext-proc is given: beside the revisions, since nobody who looks for one may have
 * to wait for an Envoy that does not acknowledge, or for a revision that is not published.
 */
export function announcing(given: Given): Announced {
  let base: Snapshot | null = null;
  let own = buildOwnSnapshot({ instance: new Map() });
  const give = (): void => {
    if (base !== null)
      given.setSnapshot(NODE_GROUPS.extProc, { ...base, types: new Map([...base.types, ...own.types]) });
  };
  return {
    setSnapshot(group, snapshot) {
      if (group !== NODE_GROUPS.extProc) return given.setSnapshot(group, snapshot);
      base = snapshot;
      give();
    },
    changed() {
      const next = buildOwnSnapshot({ instance: given.instances() }, undefined, { previous: own });
      if (next === own) return;
      own = next;
      give();
    },
  };
}
