// Decides how the control plane's metrics are named and measured (Prometheus text format).
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { XdsMetrics } from './xds/metrics.ts';

/** One server version, as it was last read. */
export interface ReadServer {
  readonly server: string;
  readonly version: string;
  readonly readable: boolean;
}

export interface Metrics {
  readonly xds: XdsMetrics;
  /** All of them, in the Prometheus text format. */
  text(): Promise<string>;
}

const LATENCY_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `servers`: asked when the metrics are. */
export function createMetrics(servers: () => readonly ReadServer[] = () => []): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const clients = new Gauge({
    name: 'chancery_xds_streams',
    help: 'xDS streams that are open.',
    labelNames: ['group', 'transport'] as const,
    registers,
  });
  const counter = (name: string, help: string) =>
    new Counter({ name: `chancery_xds_${name}`, help, labelNames: ['type'] as const, registers });
  const responses = counter('responses_total', 'Responses sent to xDS clients.');
  const resources = counter('resources_total', 'Resources sent to xDS clients.');
  const bytes = counter('response_bytes_total', 'Bytes of responses sent to xDS clients.');
  const acks = counter('acks_total', 'Responses that xDS clients accepted.');
  const nacks = counter('nacks_total', 'Responses that xDS clients refused.');
  const latency = new Histogram({
    name: 'chancery_xds_push_seconds',
    help: "From a new snapshot to a client's acknowledgement of it.",
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  new Gauge({
    name: 'chancery_server_readable',
    help: 'Whether a server version could be read when it was last tried; 0: its callers miss it, or will.',
    labelNames: ['server', 'version'] as const,
    registers,
    collect() {
      this.reset();
      for (const { server, version, readable } of servers()) this.set({ server, version }, readable ? 1 : 0);
    },
  });
  return {
    xds: {
      connected: (labels, by) => clients.inc(labels, by),
      sent: (type, count, size) => {
        responses.inc({ type });
        resources.inc({ type }, count);
        bytes.inc({ type }, size);
      },
      acked: (type) => acks.inc({ type }),
      nacked: (type) => nacks.inc({ type }),
      pushed: (latencyMs) => latency.observe(latencyMs / 1000),
    },
    text: () => registry.metrics(),
  };
}
