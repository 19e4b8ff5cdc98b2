// Decides how the control plane's metrics are named and measured (Prometheus text format).
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LedgerMetrics } from './ledger/metrics.ts';
import type { XdsMetrics } from './xds/metrics.ts';

/** One server version, as it was last read. */
export interface ReadServer {
  readonly server: string;
  readonly version: string;
  readonly readable: boolean;
}

export interface Metrics {
  readonly xds: XdsMetrics;
  readonly ledger: LedgerMetrics;
  /** Changes of tools that wait, by server. */
  readonly toolChanges: (waiting: ReadonlyMap<string, number>) => void;
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
  const decisions = new Counter({
    name: 'chancery_decisions_total',
    help: 'Decisions that were recorded; refused: the policies allowed it, and something else did not.',
    labelNames: ['surface', 'outcome'] as const,
    registers,
  });
  const lost = new Counter({
    name: 'chancery_decisions_lost_total',
    help: 'Records of decisions that services had to drop.',
    registers,
  });
  const shadow = new Counter({
    name: 'chancery_shadow_differences_total',
    help: 'Decisions that policies in shadow would have made otherwise, by what they would have decided.',
    labelNames: ['surface', 'outcome'] as const,
    registers,
  });
  const approvals = new Gauge({
    name: 'chancery_approvals',
    help: 'Approvals of calls that are not over, by their state.',
    labelNames: ['state'] as const,
    registers,
  });
  const toolChanges = new Gauge({
    name: 'chancery_tool_changes_waiting',
    help: 'Changes of tools that wait for somebody to approve them.',
    labelNames: ['server'] as const,
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
    toolChanges(waiting) {
      toolChanges.reset();
      for (const [server, count] of waiting) toolChanges.set({ server }, count);
    },
    ledger: {
      decided: (surface, outcome) => decisions.inc({ surface, outcome }),
      lost: (count) => lost.inc(count),
      shadowDiffered: (surface, allowed) => shadow.inc({ surface, outcome: allowed ? 'allowed' : 'denied' }),
      approvals(states) {
        approvals.reset();
        for (const [state, count] of states) approvals.set({ state }, count);
      },
    },
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
