// Decides when a version of a server was published: when it first came into a state that the registry API shows.
import type { Registry, StoredDocument } from '../../registry/types.ts';
import { transitionsOf } from '../log-entry.ts';
import { STATUS } from './published.ts';

/** A document that did not change is the same object, and its past does not change. */
const known = new WeakMap<StoredDocument, ReadonlyMap<string, number>>();

/** Version → epoch milliseconds. A version of which the log says too much to look through is missing. */
export async function firstPublished(
  registry: Pick<Registry, 'log'>,
  stored: StoredDocument,
): Promise<ReadonlyMap<string, number>> {
  const earlier = known.get(stored);
  if (earlier !== undefined) return earlier;
  const found = new Map<string, number>();
  // Before this version came, one that left may have had its number.
  const begun = new Set<string>();
  for await (const { transitions } of transitionsOf(registry, stored.document.name)) {
    for (const { version, from, to, atMs } of transitions) {
      if (version === undefined || begun.has(version)) continue;
      if (to != null && STATUS[to] !== undefined) found.set(version, atMs);
      if (from === null) begun.add(version);
    }
  }
  known.set(stored, found);
  return found;
}
