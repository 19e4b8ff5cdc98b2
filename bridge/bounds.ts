// Decides which of the limits the bridge obeys, so that a test can give it others.
import type { LIMITS } from '../core/limits.ts';

export type BridgeLimits = {
  readonly [name in Extract<keyof typeof LIMITS, `bridge${string}`>]: number;
} & {
  readonly bodyBytesMax: number;
  readonly bodyDeadlineMs: number;
  readonly streamKeepAliveMs: number;
  readonly socketPathBytesMax: number;
};
