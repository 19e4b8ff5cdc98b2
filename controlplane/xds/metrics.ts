// Decides what is counted of xDS; how, is for whoever hands it in.
import type { Transport } from './nodes.ts';

export interface XdsMetrics {
  /** A stream came (1) or went (-1). */
  connected(labels: { readonly group: string; readonly transport: Transport }, by: 1 | -1): void;
  sent(type: string, resources: number, bytes: number): void;
  acked(type: string): void;
  nacked(type: string): void;
  /** From the moment a snapshot was set to one client's acknowledgement of what it changed for it. */
  pushed(latencyMs: number): void;
}

export const NO_METRICS: XdsMetrics = {
  connected: () => {},
  sent: () => {},
  acked: () => {},
  nacked: () => {},
  pushed: () => {},
};
