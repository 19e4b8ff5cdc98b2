// Decides when it is told that something is known anew of servers: at once, or together while many wait to be read.
import { LIMITS } from '../../core/limits.ts';
import type { Clock } from './clock.ts';

export interface News {
  /** The registry's revision is this one now. */
  changed(revision: number): void;
  /** Nothing is told after this. */
  close(): void;
}

export interface NewsOptions {
  readonly clock: Clock;
  /** Whether more is to come soon. */
  readonly busy: () => boolean;
  readonly tell: (revision: number) => void;
}

/** A publication looks at every server there is: one for each of thousands that are read would be most of the work. */
export function createNews({ clock, busy, tell }: NewsOptions): News {
  let latest = 0;
  let nextMs = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | null = null;
  let closed = false;
  const tellNow = (): void => {
    cancel?.();
    cancel = null;
    nextMs = clock.nowMs() + LIMITS.discoveryNewsMs;
    tell(latest);
  };
  return {
    changed(revision) {
      if (closed) return;
      latest = revision;
      const waitMs = nextMs - clock.nowMs();
      if (waitMs <= 0 || !busy()) tellNow();
      else cancel ??= clock.after(waitMs, tellNow);
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
}
