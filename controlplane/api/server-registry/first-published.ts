// Decides when a version of a server was published: when it first came into a state that the registry API shows.
import { LIMITS } from '../../../core/limits.ts';
import type { LogEntry, Registry, StoredDocument } from '../../registry/types.ts';
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
  for await (const { version, from, to, atMs } of transitionsOf(registry, stored.document.name)) {
    if (version === undefined || begun.has(version)) continue;
    if (to != null && STATUS[to] !== undefined) found.set(version, atMs);
    if (from === null) begun.add(version);
  }
  known.set(stored, found);
  return found;
}

/** Newest first. */
async function* transitionsOf(registry: Pick<Registry, 'log'>, name: string): AsyncGenerator<LogEntry> {
  let before: number | undefined;
  for (let batch = 0; batch < LIMITS.apiLogBatchesMax; batch += 1) {
    const query = { kind: 'Server', name, limit: LIMITS.apiPageItemsMax };
    const entries = await registry.log(before === undefined ? query : { ...query, before });
    yield* entries.filter(({ change }) => change === 'transition');
    before = entries.at(-1)?.sequence;
    if (entries.length < query.limit || before === undefined) return;
  }
}
