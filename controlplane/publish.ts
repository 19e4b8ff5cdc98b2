// Decides in which order a new revision becomes visible: Envoy learns of backends before the services, and forgets them after.
import { NODE_GROUPS, OWN_TYPES } from '../core/contract.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { EnvoyApi } from '../proto/envoy-api.ts';
import { differences, type Prepared, type PreviewedChange, prepare } from './prepare.ts';
import type { Publication } from './publication.ts';
import type { RegistrySnapshot } from './registry/types.ts';
import { REVISION_NAME } from './xds/own-snapshot.ts';
import type { AckOutcome, Wanted, XdsServer } from './xds/server.ts';
import { EMPTY_SNAPSHOT, type Snapshot } from './xds/snapshot.ts';
import { additions, transitionSnapshot } from './xds/transition-snapshot.ts';

export type { PreviewedChange } from './prepare.ts';
export type { Publication } from './publication.ts';

export interface PublisherOptions {
  readonly xds: Pick<XdsServer, 'setSnapshot' | 'setGroups' | 'acked'>;
  readonly api: EnvoyApi;
  readonly log: Logger;
  /** The newest state of the registry. */
  readonly snapshot: () => RegistrySnapshot;
  /** What it means; what did not change since `previous` is the same object in both. */
  readonly build: (snapshot: RegistrySnapshot, previous: Publication | undefined) => Publication;
  /** Envoys and the services were given it. */
  readonly onServed: (publication: Publication) => void;
}

export interface Publisher {
  /** Something was written: publish soon. What comes meanwhile is published together. */
  request(): void;
  /** Publishes at once, before anybody listens. */
  now(): Promise<void>;
  /** Whether what the registry holds is what is served: nothing waits, and the last publication was not refused. */
  current(): boolean;
  /** What xDS clients would be given, or lose, if this were the registry; nothing when it would be refused. */
  preview(snapshot: RegistrySnapshot): readonly PreviewedChange[];
  /** Why this would not be published, one sentence each; none: it would. */
  problemsOf(snapshot: RegistrySnapshot): readonly string[];
  close(): Promise<void>;
}

export function createPublisher({ xds, api, log, snapshot, build, onServed }: PublisherOptions): Publisher {
  let wanted = false;
  let running: Promise<void> | null = null;
  let refused = false;
  let closed = false;
  /** What was given to everybody last. */
  let served: Prepared | undefined;
  /** What each group has been given, which is more than `served` while the services change over. */
  const given = new Map<string, Snapshot>();
  let groupOf: Publication['groupOf'] | undefined;
  /** Groups of which somebody did not answer in time: nobody waits as long for them again until all of them answer. */
  const behind = new Set<string>();

  const preparation = (state: RegistrySnapshot) => prepare(api, build(state, served?.publication), served);

  const give = (group: string, next: Snapshot): void => {
    if (given.get(group) === next) return;
    given.set(group, next);
    xds.setSnapshot(group, next);
  };

  const acked = async (group: string, names: readonly Wanted[]): Promise<AckOutcome> => {
    const deadlineMs = behind.has(group) ? LIMITS.publishBehindDeadlineMs : LIMITS.publishAckDeadlineMs;
    const outcome = await xds.acked(group, names, deadlineMs);
    const late = outcome === 'deadline';
    if (late !== behind.has(group)) {
      // One that is starting takes its time; one that hangs is "behind" in what is told of the nodes.
      if (late) log.info({ group }, 'a node has not acknowledged what is new yet; it is not waited for until it does');
      else log.info({ group }, 'all nodes acknowledge again');
    }
    if (late) behind.add(group);
    else behind.delete(group);
    return outcome;
  };

  /** Resolves when every Envoy has the clusters that it did not have, as far as it answers in time. */
  const envoysAcked = async (before: ReadonlyMap<string, Snapshot>, next: Prepared): Promise<void> => {
    await Promise.all(
      [...next.envoy].map(async ([group, snapshot]) => {
        const added = additions(before.get(group), snapshot);
        if (added.length === 0) return;
        // Without an Envoy there is nobody to fail a call.
        if ((await acked(group, added)) !== 'nacked') return;
        const names = added.slice(0, LIMITS.xdsNamesShownMax).map(({ name }) => name);
        const { revision } = next.publication;
        log.warn({ revision, group, names }, 'Envoy refused new backends; calls to them fail: see `get nodes`');
      }),
    );
  };

  const once = async (): Promise<void> => {
    const prepared = preparation(snapshot());
    if ('problems' in prepared) {
      refused = true;
      const { problems } = prepared;
      log.error({ problems }, 'a revision was not published: Envoy could not be given it; the last good one is served');
      return;
    }
    const { publication, services } = prepared;
    const { revision } = publication;
    // The bridge comes first: what it serves is a backend to Envoy.
    give(NODE_GROUPS.bridge, services.get(NODE_GROUPS.bridge)!);
    const before = new Map(given);
    for (const [group, next] of prepared.envoy) give(group, transitionSnapshot(before.get(group), next));
    if (groupOf !== publication.groupOf) xds.setGroups(publication.groupOf);
    groupOf = publication.groupOf;
    await envoysAcked(before, prepared);
    give(NODE_GROUPS.extProc, services.get(NODE_GROUPS.extProc)!);
    give(NODE_GROUPS.extAuthz, services.get(NODE_GROUPS.extAuthz)!);
    if ([...prepared.envoy].some(([group, next]) => given.get(group) !== next)) {
      await acked(NODE_GROUPS.extProc, [{ typeUrl: OWN_TYPES.revision, name: REVISION_NAME }]);
      for (const [group, next] of prepared.envoy) give(group, next);
    }
    forget(prepared);
    served = prepared;
    refused = false;
    log.info({ revision }, 'a revision was published');
    onServed(publication);
  };

  /** Groups that no document names any more have no nodes. */
  const forget = ({ envoy, services }: Prepared): void => {
    for (const group of given.keys()) {
      if (envoy.has(group) || services.has(group)) continue;
      xds.setSnapshot(group, EMPTY_SNAPSHOT);
      given.delete(group);
    }
  };

  const guarded = async (): Promise<void> => {
    try {
      await once();
    } catch (error) {
      refused = true;
      log.error({ err: error }, 'a revision was not published; the last good one is served');
    }
  };

  const loop = async (): Promise<void> => {
    while (wanted && !closed) {
      await new Promise((resolve) => setTimeout(resolve, LIMITS.publishDebounceMs));
      wanted = false;
      await guarded();
    }
    running = null;
  };

  return {
    request() {
      wanted = true;
      running ??= loop();
    },
    now: guarded,
    current: () => running === null && !refused,
    preview(state) {
      const prepared = preparation(state);
      return 'problems' in prepared ? [] : differences(served, prepared);
    },
    problemsOf(state) {
      const prepared = preparation(state);
      return 'problems' in prepared ? prepared.problems : [];
    },
    async close() {
      closed = true;
      await running;
    },
  };
}
