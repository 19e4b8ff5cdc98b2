// Decides when one server version is read: at first, when it says that it changed, after failures, and from time to time.
import type { Discovered } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressStreams } from '../../core/mcp/egress-stream.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { DiscoveryOutcome } from '../registry/discoveries.ts';
import { announced, type ChangeStream, openChangeStream } from './change-stream.ts';
import type { Clock } from './clock.ts';
import type { EgressGate } from './egress-gate.ts';
import { MODERN_VERSION } from './modern.ts';
import type { NameCheck } from './names.ts';
import { pauseMs, streamPauseMs } from './pause.ts';
import { factsOf, probeServer } from './probe.ts';
import { readServer, withFacts } from './read-server.ts';
import type { Session } from './session.ts';
import type { Slots } from './slots.ts';
import type { DiscoveryTarget } from './targets.ts';
import { withoutSecrets } from './unsaid.ts';

/** What all watches share. */
export interface Surroundings {
  readonly gate: EgressGate;
  readonly streams: EgressStreams;
  readonly names: NameCheck;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Servers that failed wait among themselves: some that never answer must not keep a new one from being read. */
  readonly slots: { readonly usual: Slots; readonly failed: Slots; readonly probes: Slots };
  /** Streams that may still be opened. */
  readonly room: { left: number };
  /** What was read before; null: nothing. */
  readonly earlier: (target: DiscoveryTarget) => Discovered | null;
  /** What it is sent, and might say again. */
  readonly secrets: (target: DiscoveryTarget) => readonly string[];
  /** Total: what could not be saved is false. */
  readonly save: (target: DiscoveryTarget, outcome: DiscoveryOutcome) => Promise<boolean>;
  readonly onForbidden: (target: DiscoveryTarget, forbidden: boolean) => void;
}

export class Watch {
  target: DiscoveryTarget;
  /** By this process, at its last attempt or an earlier one; or it was before, and its turn is later. */
  read: boolean;
  readonly #around: Surroundings;
  /** What was found out before is of this very server. */
  readonly #trusted: boolean;
  #gone = false;
  #failures = 0;
  /** The failure that was warned of, so that the same one is not over and over. */
  #warned: string | null = null;
  /** A reading waits for its turn, or is under way. */
  #reading = false;
  /** It changed meanwhile. */
  #again = false;
  /** Up to here its readings have used what a server may ask for: each a pause. */
  #usedUpToMs = Number.NEGATIVE_INFINITY;
  #probeDueMs = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #stream: ChangeStream | null = null;
  #streamEnds = 0;
  #current: Promise<void> = Promise.resolve();

  /** @param trusted what is known of the target was read where it is now. */
  constructor(around: Surroundings, target: DiscoveryTarget, trusted: boolean) {
    this.#around = around;
    this.target = target;
    this.#trusted = trusted;
    this.read = false;
  }

  /** It was read when that was last tried. */
  get readable(): boolean {
    return this.read && this.#failures === 0;
  }

  /** At once, or after a pause for what was read before the process started. */
  start(afterMs: number): void {
    this.read = afterMs > 0;
    if (afterMs > 0) this.#plan(afterMs);
    else void this.#readNow();
  }

  /** Resolves when its sessions are ended: that of its stream, and those of a reading that is under way. */
  async stop(): Promise<void> {
    this.#gone = true;
    this.#cancel();
    await Promise.all([this.#stream?.close(), this.#current]);
  }

  /** The earliest plan counts. */
  #plan(ms: number): void {
    const { clock } = this.#around;
    const dueMs = clock.nowMs() + ms;
    if (this.#gone || this.#dueMs <= dueMs) return;
    this.#cancel();
    this.#dueMs = dueMs;
    this.#cancel = clock.after(ms, () => void this.#readNow());
  }

  async #readNow(): Promise<void> {
    this.#cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#again = false;
    this.#current = this.#readOnce();
    await this.#current;
    this.#reading = false;
    if (this.#gone) return;
    this.#plan(pauseMs(this.#failures, this.#around.random));
    if (this.#again) this.#planChanged();
  }

  async #readOnce(): Promise<void> {
    const { gate, clock, names, slots, onForbidden } = this.#around;
    const { hosts = [] } = this.target;
    const problem = hosts.length === 0 ? null : await names.check(hosts);
    if (this.#gone) return;
    // Where nothing is known of a name now, what was known of it stays.
    if (problem === null || problem.forbidden) onForbidden(this.target, problem !== null);
    if (problem?.forbidden) await this.#stream?.close();
    if (problem !== null) return this.#note({ ok: false, error: problem.error });
    const outcome = await (this.#failures === 0 ? slots.usual : slots.failed).run(() =>
      gate.through(async (egress) => {
        if (this.#gone) return null;
        this.#usedUpToMs = Math.max(clock.nowMs(), this.#usedUpToMs) + LIMITS.discoveryChangePauseMs;
        return readServer(egress, this.target, clock.nowMs, (session) => this.#attend(session));
      }),
    );
    if (outcome === null || this.#gone) return;
    if (!outcome.ok) return this.#note(outcome);
    const facts =
      this.#trusted || this.#probeDueMs > 0 ? factsOf(this.#around.earlier(this.target), outcome.discovered) : null;
    await this.#note({ ok: true, discovered: withFacts(outcome.discovered, facts) });
    if (facts === null) this.#probeDueMs = 0;
    if (!this.#gone && this.#failures === 0 && clock.nowMs() >= this.#probeDueMs) {
      await slots.probes.run(() => this.#probe(outcome.discovered));
    }
  }

  async #probe(discovered: Discovered): Promise<void> {
    const { gate, clock, random, earlier } = this.#around;
    const { target } = this;
    const before = factsOf(earlier(target), discovered);
    const facts = await gate.through(async (egress) => {
      if (this.#gone) return null;
      const endMs = clock.nowMs() + LIMITS.discoveryDeadlineMs;
      return probeServer({ egress, target, nowMs: clock.nowMs, endMs }, discovered, before);
    });
    if (facts === null || this.#gone) return;
    this.#probeDueMs = clock.nowMs() + LIMITS.discoveryProbeIntervalMs * (0.5 + random() / 2);
    const found = withFacts(discovered, facts);
    if (found.hash !== earlier(this.target)?.hash) await this.#note({ ok: true, discovered: found });
    // It has a stream after all.
    const isNew = !before?.protocolVersions.includes(MODERN_VERSION) && facts.protocolVersions.includes(MODERN_VERSION);
    if (isNew && this.#stream === null) this.#again = true;
  }

  /** Keeps the session when its stream is open. */
  async #attend(session: Session): Promise<boolean> {
    const { streams, clock, room, earlier } = this.#around;
    if (this.#stream !== null || room.left === 0 || announced(session).length === 0) return false;
    room.left -= 1;
    const modern = earlier(this.target)?.protocolVersions?.includes(MODERN_VERSION) ?? false;
    const stream = await openChangeStream({
      streams,
      clock,
      target: this.target,
      session,
      modern,
      onChange: () => this.#changed(),
    });
    if (stream === null) {
      room.left += 1;
      return false;
    }
    this.#stream = stream;
    const openedMs = clock.nowMs();
    void stream.ended.then(({ why }) => {
      room.left += 1;
      this.#stream = null;
      void stream.close();
      if (why !== 'refused') this.#streamEnded(clock.nowMs() - openedMs);
    });
    if (this.#gone) await stream.close();
    return stream.session !== null;
  }

  #changed(): void {
    if (this.#reading) this.#again = true;
    else this.#planChanged();
  }

  /**
   * Waits for the rest of a burst; one that changes all the time is read once in a pause. Some readings in a row are at
   * once: who listens to a server that changes now and then hears of it within a moment.
   */
  #planChanged(): void {
    const inARowMs = (LIMITS.discoveryChangeReadingsMax - 1) * LIMITS.discoveryChangePauseMs;
    const waitMs = this.#usedUpToMs - inARowMs - this.#around.clock.nowMs();
    this.#plan(Math.max(LIMITS.discoveryChangeWaitMs, waitMs));
  }

  /** What changed while nobody listened is read together with a new stream. */
  #streamEnded(lastedMs: number): void {
    this.#streamEnds = lastedMs > LIMITS.discoveryRetryMaxMs ? 1 : this.#streamEnds + 1;
    this.#plan(streamPauseMs(this.#streamEnds, this.#around.random));
  }

  async #note(found: DiscoveryOutcome): Promise<void> {
    const { log, save, secrets } = this.#around;
    const { server, version } = this.target;
    const outcome = found.ok ? found : { ...found, error: withoutSecrets(found.error, secrets(this.target)) };
    if (outcome.ok) {
      if (this.#warned !== null) log.info({ server, version }, 'the server can be read again');
      this.#failures = 0;
      this.#warned = null;
      this.read = true;
    } else {
      this.#failures += 1;
      // At a start servers, Envoy and we come up together: who is read within a moment is nothing to warn of.
      const starting = !this.read && this.#failures <= LIMITS.discoveryQuietFailuresMax;
      const level = starting || outcome.error === this.#warned ? 'debug' : 'warn';
      if (level === 'warn') this.#warned = outcome.error;
      log[level](
        { server, version, failures: this.#failures, error: outcome.error },
        this.read ? 'a server cannot be read; what was read before stays' : 'a server cannot be read',
      );
    }
    if (!(await save(this.target, outcome))) this.#failures += 1;
  }
}
