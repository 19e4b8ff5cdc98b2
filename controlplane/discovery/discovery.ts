// Decides when each server version is read: at once when it is new or changed, again after failures, and from time to time.
import { LIMITS } from '../../core/limits.ts';
import type { EgressClient } from '../../core/mcp/egress.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { DiscoveryOutcome } from '../registry/discoveries.ts';
import type { Registry } from '../registry/registry.ts';
import type { Clock } from './clock.ts';
import { readServer } from './read-server.ts';
import { createSlots } from './slots.ts';
import type { DiscoveryTarget } from './targets.ts';

export type { DiscoveryTarget };

export interface Discovery {
  /** All servers there are now: new and changed ones are read at once, those that are not named any more no more. */
  sync(targets: readonly DiscoveryTarget[]): void;
  /** Servers that this process has not read successfully yet, whatever was read before it started. */
  unread(): readonly string[];
  /** Resolves when nothing is being saved; what is being read is dropped. */
  close(): Promise<void>;
}

export interface DiscoveryOptions {
  readonly egress: EgressClient;
  readonly registry: Pick<Registry, 'saveDiscovery'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 up to 1; spreads the pauses. */
  readonly random: () => number;
  /** What is known of a server is another than before. */
  readonly onChange: (revision: number) => void;
}

interface Watched {
  readonly target: DiscoveryTarget;
  gone: boolean;
  failures: number;
  /** By this process, at its last attempt or an earlier one. */
  read: boolean;
  /** The failure that was warned of, so that the same one is not over and over. */
  warned: string | null;
  cancel: () => void;
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { egress, registry, clock, log, random, onChange } = options;
  const slots = createSlots(LIMITS.discoveryWidthMax);
  // Servers that failed wait among themselves: some that never answer must not keep a new one from being read.
  const slotsOfFailed = createSlots(LIMITS.discoveryWidthMax);
  const watched = new Map<string, Watched>();
  const saving = new Set<Promise<void>>();
  let closed = false;

  const start = (target: DiscoveryTarget): void => {
    const entry: Watched = { target, gone: false, failures: 0, read: false, warned: null, cancel: () => {} };
    watched.set(target.server, entry);
    readSoon(entry);
  };

  const readSoon = (entry: Watched): void => {
    void (entry.failures === 0 ? slots : slotsOfFailed).run(() => readOnce(entry));
  };

  const readOnce = async (entry: Watched): Promise<void> => {
    if (entry.gone) return;
    const outcome = await readServer(egress, entry.target, clock.nowMs);
    if (entry.gone) return;
    note(entry, outcome);
    const saved = save(entry, outcome);
    saving.add(saved);
    await saved;
    saving.delete(saved);
    if (!entry.gone) entry.cancel = clock.after(pauseMs(entry.failures, random), () => readSoon(entry));
  };

  const save = async (entry: Watched, outcome: DiscoveryOutcome): Promise<void> => {
    const { server, version } = entry.target;
    try {
      const { changed, revision } = await registry.saveDiscovery(server, version, outcome);
      if (changed) onChange(revision);
    } catch (error) {
      entry.failures += 1;
      log.error({ err: error, server, version }, 'what was read from a server could not be saved');
    }
  };

  const note = (entry: Watched, outcome: DiscoveryOutcome): void => {
    const { server, version } = entry.target;
    if (outcome.ok) {
      if (entry.warned !== null) log.info({ server, version }, 'the server can be read again');
      entry.failures = 0;
      entry.read = true;
      entry.warned = null;
      return;
    }
    entry.failures += 1;
    // At a start servers, Envoy and we come up together: who is read within a moment is nothing to warn of.
    const starting = !entry.read && entry.failures <= LIMITS.discoveryQuietFailuresMax;
    const level = starting || outcome.error === entry.warned ? 'debug' : 'warn';
    if (level === 'warn') entry.warned = outcome.error;
    log[level](
      { server, version, failures: entry.failures, error: outcome.error },
      entry.read ? 'a server cannot be read; what was read before stays' : 'a server cannot be read',
    );
  };

  const stop = (entry: Watched): void => {
    entry.gone = true;
    entry.cancel();
    watched.delete(entry.target.server);
  };

  return {
    sync(targets) {
      if (closed) return;
      const wanted = new Map(targets.map((target) => [target.server, target]));
      for (const entry of [...watched.values()]) {
        const target = wanted.get(entry.target.server);
        if (target === undefined || !isSame(target, entry.target)) stop(entry);
      }
      for (const target of wanted.values()) {
        if (!watched.has(target.server)) start(target);
      }
    },
    unread: () => [...watched.values()].filter(({ read }) => !read).map(({ target }) => target.server),
    async close() {
      closed = true;
      for (const entry of [...watched.values()]) stop(entry);
      await Promise.all(saving);
    },
  };
}

function isSame(a: DiscoveryTarget, b: DiscoveryTarget): boolean {
  return a.version === b.version && a.cluster === b.cluster && a.path === b.path && a.documentHash === b.documentHash;
}

/**
 * Between half and all of the interval, or of a pause that doubles with each failure after the first few: so that many
 * do not come at once, and one that is only starting is read as soon as it can be.
 */
export function pauseMs(failures: number, random: () => number): number {
  const doublings = Math.max(0, failures - LIMITS.discoveryQuietFailuresMax);
  const doubled = LIMITS.discoveryRetryMinMs * 2 ** Math.min(doublings, 30);
  const wholeMs = failures === 0 ? LIMITS.discoveryIntervalMs : Math.min(LIMITS.discoveryRetryMaxMs, doubled);
  return wholeMs * (0.5 + random() / 2);
}
