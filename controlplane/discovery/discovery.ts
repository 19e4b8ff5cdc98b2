// Decides which server versions are watched, and how many of them are read at the same time.
import type { Networks } from '../../core/catalog/networks.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressClient } from '../../core/mcp/egress.ts';
import type { EgressStreams } from '../../core/mcp/egress-stream.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { DiscoveryOutcome } from '../registry/discoveries.ts';
import { versionKey } from '../registry/state.ts';
import type { Registry } from '../registry/types.ts';
import type { Clock } from './clock.ts';
import { createEgressGate } from './egress-gate.ts';
import { createNameCheck, type Lookup } from './names.ts';
import { createNews } from './news.ts';
import { createSlots } from './slots.ts';
import { type DiscoveryTarget, isSameTarget } from './targets.ts';
import { secretsSentTo } from './unsaid.ts';
import { type Surroundings, Watch } from './watch.ts';

export type { DiscoveryTarget };

export interface Discovery {
  /**
   * All server versions there are to be read now, those that are `blocked` too: new and changed ones are read at once,
   * those that are not named any more no more. The first call tells what was there when the process started.
   */
  sync(targets: readonly DiscoveryTarget[]): void;
  /** What this process has not read successfully yet, other than what was read before it started and has its turn later. */
  /** Every version that is watched, and whether it could be read when it was last tried. */
  standing(): readonly { readonly server: string; readonly version: string; readonly readable: boolean }[];
  unread(): readonly { readonly server: string; readonly version: string }[];
  /** Clusters that must not be served: a name in their endpoints led where it must not. Another set when it changed. */
  blocked(): ReadonlySet<string>;
  /** Resolves when nothing is being saved and no session is kept; what is being read is dropped. */
  close(): Promise<void>;
}

export interface DiscoveryOptions {
  readonly egress: EgressClient;
  readonly streams: EgressStreams;
  readonly registry: Pick<Registry, 'saveDiscovery' | 'snapshot'>;
  /** Where names may lead. */
  readonly networks: Networks;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 up to 1; spreads the pauses. */
  readonly random: () => number;
  /** What is known of a server is another than before. */
  readonly onChange: (revision: number) => void;
  /** `blocked()` is another than before. */
  readonly onBlocked: () => void;
  /** Absent: as the system does. */
  readonly lookup?: Lookup;
}

interface Watched {
  watch: Watch;
  /** Counts the calls of `sync`: the last one that named it. */
  round: number;
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { egress, streams, registry, clock, log, random, onChange, onBlocked } = options;
  /** By cluster, of which each server version has one. */
  const watched = new Map<string, Watched>();
  const underWay = new Set<Promise<unknown>>();
  let blocked: ReadonlySet<string> = new Set();
  let round = 0;
  let burstLeft: number = LIMITS.discoveryBurstMax;
  let closed = false;

  const gate = createEgressGate({ egress, clock, log });
  const slots = {
    usual: createSlots(LIMITS.discoveryWidthMax),
    failed: createSlots(LIMITS.discoveryWidthMax),
    probes: createSlots(LIMITS.discoveryWidthMax / 2),
  };
  const busy = (): boolean => Object.values(slots).some(({ waiting }) => waiting() > 0);
  const news = createNews({ clock, busy, tell: onChange });

  const track = <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work);
    return work.finally(() => underWay.delete(work));
  };

  const save = async (target: DiscoveryTarget, outcome: DiscoveryOutcome): Promise<boolean> => {
    const { server, version } = target;
    try {
      const { changed, revision } = await registry.saveDiscovery(server, version, outcome);
      if (changed) news.changed(revision);
      return true;
    } catch (error) {
      log.error({ err: error, server, version }, 'what was read from a server could not be saved');
      return false;
    }
  };

  const earlier = ({ server, version }: DiscoveryTarget) =>
    registry.snapshot().discoveries.get(versionKey(server, version))?.discovered ?? null;

  const around: Surroundings = {
    gate,
    streams,
    names: createNameCheck(options),
    clock,
    log,
    random,
    slots,
    room: { left: LIMITS.discoveryStreamsMax },
    earlier,
    secrets: (target) => secretsSentTo(target, registry.snapshot()),
    save: (target, outcome) => track(save(target, outcome)),
    onForbidden({ server, version, cluster }, forbidden) {
      if (blocked.has(cluster) === forbidden) return;
      blocked = forbidden ? new Set([...blocked, cluster]) : without(blocked, cluster);
      log.warn({ server, version }, forbidden ? 'a server is blocked: see its error' : 'a server is no longer blocked');
      onBlocked();
    },
  };

  /** At a start what is known is still good: most of many servers can wait, each for a while of its own. */
  const afterMs = (target: DiscoveryTarget): number => {
    if (round > 1 || earlier(target) === null) return 0;
    burstLeft -= 1;
    return burstLeft >= 0 ? 0 : LIMITS.discoveryIntervalMs * random();
  };

  const start = (target: DiscoveryTarget): Watch => {
    const watch = new Watch(around, target, round === 1);
    watch.start(afterMs(target));
    return watch;
  };

  return {
    sync(targets) {
      if (closed) return;
      round += 1;
      for (const target of targets) {
        const known = watched.get(target.cluster);
        if (known === undefined) watched.set(target.cluster, { watch: start(target), round });
        else {
          known.round = round;
          if (isSameTarget(known.watch.target, target)) known.watch.target = target;
          else {
            void track(known.watch.stop());
            known.watch = start(target);
          }
        }
      }
      if (watched.size === targets.length) return;
      for (const [cluster, known] of watched) {
        if (known.round === round) continue;
        watched.delete(cluster);
        void track(known.watch.stop());
        blocked = without(blocked, cluster);
      }
    },
    standing: () =>
      [...watched.values()].map(({ watch: { target, readable } }) => ({
        server: target.server,
        version: target.version,
        readable,
      })),
    unread: () =>
      [...watched.values()]
        .filter(({ watch }) => !watch.read)
        .map(({ watch: { target } }) => ({ server: target.server, version: target.version })),
    blocked: () => blocked,
    async close() {
      closed = true;
      for (const { watch } of watched.values()) void track(watch.stop());
      watched.clear();
      gate.close();
      news.close();
      await Promise.all(underWay);
    },
  };
}

function without(clusters: ReadonlySet<string>, cluster: string): ReadonlySet<string> {
  return clusters.has(cluster) ? new Set([...clusters].filter((other) => other !== cluster)) : clusters;
}
