// Decides that all of discovery waits while nobody listens on the egress socket, and when it goes on.
import { LIMITS } from '../../core/limits.ts';
import type { EgressAnswer, EgressClient, EgressRequest } from '../../core/mcp/egress.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Clock } from './clock.ts';

export interface EgressGate {
  /**
   * What `work` resolves to. It waits while nobody listens, and work that finds nobody is begun again when somebody does:
   * that says nothing about the server that it is about. null: the gate was closed.
   */
  through<Result>(work: (egress: EgressClient) => Promise<Result>): Promise<Result | null>;
  close(): void;
}

export interface EgressGateOptions {
  readonly egress: EgressClient;
  readonly clock: Clock;
  readonly log: Logger;
}

type Failure = Extract<EgressAnswer, { ok: false }>;

/** Whether the connection to Envoy itself could not be made. One that breaks later may be a server's doing. */
export function isAway(answer: EgressAnswer): boolean {
  return !answer.ok && answer.why === 'unreachable' && /^connect (ENOENT|ECONNREFUSED|EAGAIN)\b/.test(answer.detail);
}

/** No server is asked: whatever Envoy answers for a cluster that it cannot have, it listens. */
const KNOCK: EgressRequest = {
  cluster: 'chancery.nobody',
  path: '/',
  method: 'DELETE',
  idempotent: false,
  deadlineMs: LIMITS.discoveryProbeDeadlineMs,
};

const AWAY: Failure = { ok: false, status: 0, why: 'unreachable', detail: 'Envoy does not listen' };

export function createEgressGate({ egress, clock, log }: EgressGateOptions): EgressGate {
  /** Resolves when somebody listens; null: somebody does, as far as is known. */
  let back: PromiseWithResolvers<void> | null = null;
  let cancel = (): void => {};
  let closed = false;

  const knock = async (pauseMs: number, sinceMs: number, warned: boolean): Promise<void> => {
    const away = isAway(await egress.send(KNOCK));
    if (closed) return;
    if (away) {
      const late = clock.nowMs() - sinceMs >= LIMITS.discoveryEgressQuietMs;
      if (late && !warned)
        log.warn('Envoy does not listen for our own calls: no server is read until it does; see envoy.log');
      plan(Math.min(2 * pauseMs, LIMITS.discoveryEgressPauseMaxMs), sinceMs, late || warned);
      return;
    }
    if (warned) log.info('Envoy listens again: servers are read');
    back?.resolve();
    back = null;
  };

  const plan = (pauseMs: number, sinceMs: number, warned: boolean): void => {
    cancel = clock.after(pauseMs, () => void knock(pauseMs, sinceMs, warned));
  };

  const shut = (): void => {
    if (back !== null || closed) return;
    back = Promise.withResolvers();
    plan(LIMITS.discoveryEgressPauseMinMs, clock.nowMs(), false);
  };

  return {
    async through(work) {
      for (;;) {
        await back?.promise;
        if (closed) return null;
        let met = false;
        const result = await work({
          close: () => {},
          async send(request) {
            const answer = back === null ? await egress.send(request) : AWAY;
            if (answer !== AWAY && !isAway(answer)) return answer;
            met = true;
            shut();
            return answer;
          },
        });
        if (!met) return result;
      }
    },
    close() {
      closed = true;
      cancel();
      back?.resolve();
    },
  };
}
