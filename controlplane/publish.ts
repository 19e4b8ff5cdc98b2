// Decides in which order a new revision becomes visible: Envoy learns of backends before the services, and forgets them after.
import { CLUSTERS, NODE_GROUPS, OWN_TYPES } from '../core/contract.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { EnvoyApi } from '../proto/envoy-api.ts';
import type { DiscoveryTarget } from './discovery/discovery.ts';
import { checkSnapshot } from './xds/check-snapshot.ts';
import { buildEnvoySnapshot, type EnvoyResources } from './xds/envoy-snapshot.ts';
import { buildOwnSnapshot, type OwnResources, REVISION_NAME } from './xds/own-snapshot.ts';
import type { XdsServer } from './xds/server.ts';
import type { Snapshot } from './xds/snapshot.ts';
import { TYPES } from './xds/translate/type-urls.ts';

/** One revision as it shall be served. */
export interface Publication {
  readonly revision: number;
  readonly envoy: EnvoyResources;
  readonly own: OwnResources;
  /** The servers to read, once Envoy knows them. */
  readonly targets: readonly DiscoveryTarget[];
}

export interface PublisherOptions {
  readonly xds: XdsServer;
  readonly api: EnvoyApi;
  readonly log: Logger;
  /** Reads the registry and makes the newest publication. */
  readonly build: () => Promise<Publication>;
  /** Envoy and the services were given it. */
  readonly onServed: (publication: Publication) => void;
}

export interface Publisher {
  /** Something was written: publish soon. What comes meanwhile is published together. */
  request(): void;
  /** Publishes at once, before anybody listens. */
  now(): Promise<void>;
  /** Whether what the registry holds is what is served: nothing waits, and the last publication was not refused. */
  current(): boolean;
  close(): Promise<void>;
}

export function createPublisher({ xds, api, log, build, onServed }: PublisherOptions): Publisher {
  let wanted = false;
  let running: Promise<void> | null = null;
  let served: EnvoyResources = {};
  let previous: Snapshot | undefined;
  let refused = false;
  let closed = false;

  const setEnvoy = (resources: EnvoyResources): boolean => {
    const built = buildEnvoySnapshot(api, resources, previous);
    const problems = 'problems' in built ? built.problems : checkSnapshot(built.snapshot, [CLUSTERS.ads]);
    if ('problems' in built || problems.length > 0) {
      refused = true;
      log.error({ problems }, 'a revision was not published: Envoy could not be given it; the last good one is served');
      return false;
    }
    previous = built.snapshot;
    xds.setSnapshot(NODE_GROUPS.envoy, built.snapshot);
    return true;
  };

  const setServices = (snapshot: Snapshot): void => {
    xds.setSnapshot(NODE_GROUPS.extProc, snapshot);
    xds.setSnapshot(NODE_GROUPS.extAuthz, snapshot);
  };

  const once = async (): Promise<void> => {
    const publication = await build();
    const { revision, envoy, own } = publication;
    const snapshot = buildOwnSnapshot(own, revision);
    // The bridge comes first: what it serves is a backend to Envoy.
    xds.setSnapshot(NODE_GROUPS.bridge, snapshot);
    const gone = clustersOnlyIn(served, envoy);
    if (!setEnvoy(withClusters(envoy, gone))) return;
    const added = Object.keys(clustersOnlyIn(envoy, served)[TYPES.cluster] ?? {});
    if (added.length > 0) {
      const outcome = await xds.acked(
        NODE_GROUPS.envoy,
        added.map((name) => ({ typeUrl: TYPES.cluster, name })),
        LIMITS.publishAckDeadlineMs,
      );
      // Without an Envoy there is nobody to fail a call.
      if (outcome === 'nacked')
        log.warn({ revision, clusters: added }, 'Envoy refused new backends; calls to them fail: see `get nodes`');
      // One that is starting takes its time; one that hangs is "behind" in what is told of the nodes.
      if (outcome === 'deadline')
        log.info({ revision, clusters: added }, 'Envoy has not acknowledged new backends yet');
    }
    setServices(snapshot);
    if (Object.keys(gone[TYPES.cluster] ?? {}).length > 0) {
      const wantedRevision = [{ typeUrl: OWN_TYPES.revision, name: REVISION_NAME }];
      await xds.acked(NODE_GROUPS.extProc, wantedRevision, LIMITS.publishAckDeadlineMs);
      setEnvoy(envoy);
    }
    served = envoy;
    refused = false;
    log.info({ revision }, 'a revision was published');
    onServed(publication);
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
    async close() {
      closed = true;
      await running;
    },
  };
}

const PER_BACKEND = [TYPES.cluster, TYPES.endpoints];

/** Clusters, and their endpoints, that `a` has and `b` has not. */
function clustersOnlyIn(a: EnvoyResources, b: EnvoyResources): EnvoyResources {
  return Object.fromEntries(
    PER_BACKEND.map((type) => [
      type,
      Object.fromEntries(Object.entries(a[type] ?? {}).filter(([name]) => b[type]?.[name] === undefined)),
    ]),
  );
}

function withClusters(resources: EnvoyResources, more: EnvoyResources): EnvoyResources {
  return {
    ...resources,
    ...Object.fromEntries(PER_BACKEND.map((type) => [type, { ...resources[type], ...more[type] }])),
  };
}
