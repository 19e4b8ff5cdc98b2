// Decides which node is given which snapshot, and who has acknowledged it; it knows nothing of gRPC.
import { NODE_GROUPS, type NodeGroup } from '../../core/contract.ts';
import type { AdsNode, DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { DeltaStream, type Refusal, type Step, type TypeStatus, type Wanted } from './delta-stream.ts';
import { GROUP_TYPES, groupOf } from './resource-types.ts';
import type { Snapshot } from './snapshot.ts';

export type Transport = 'unix' | 'tcp';

/** A connected node, as plain data. */
export interface NodeStatus {
  readonly id: string;
  readonly group: NodeGroup;
  readonly transport: Transport;
  readonly connectedSinceMs: number;
  /** When it last sent anything. */
  readonly lastContactMs: number;
  /** The types that it subscribes to, in push order. */
  readonly types: readonly TypeStatus[];
}

/** `nobody`: no node of the group is connected that subscribes to what is waited for. */
export type AckOutcome = 'acked' | 'nacked' | 'deadline' | 'nobody';

/** One stream of one client. */
export interface Connection {
  /** @returns why the stream is to be ended; null: it goes on. */
  request(request: DeltaRequest): Refusal | null;
  close(): void;
}

export interface Hub {
  /** @returns null when there are too many streams. */
  open(transport: Transport, send: (response: DeltaResponse) => void): Connection | null;
  setSnapshot(group: NodeGroup, snapshot: Snapshot): void;
  acked(group: NodeGroup, wanted: readonly Wanted[], deadlineMs: number): Promise<AckOutcome>;
  nodes(): readonly NodeStatus[];
  close(): void;
}

interface Open {
  readonly id: string;
  readonly group: NodeGroup;
  readonly transport: Transport;
  readonly stream: DeltaStream;
  readonly connectedSinceMs: number;
  readonly send: (response: DeltaResponse) => void;
  lastContactMs: number;
}

interface Wait {
  readonly group: NodeGroup;
  readonly wanted: readonly Wanted[];
  readonly resolve: (outcome: AckOutcome) => void;
}

export function createHub(options: { readonly log: Logger; readonly now: () => number }): Hub {
  const { log, now } = options;
  const startedMs = now();
  const snapshots = new Map<NodeGroup, Snapshot>();
  const known = new Set<Open>();
  const waits = new Set<Wait>();
  // Bounded apart: on TCP anybody on this host can connect, and must not keep our own services out.
  const streams = { unix: 0, tcp: 0 };
  let opened = 0;

  const settle = (group: NodeGroup): void => {
    for (const wait of waits) {
      if (wait.group !== group) continue;
      const outcome = outcomeOf(wait);
      if (outcome !== null) wait.resolve(outcome);
    }
  };

  const outcomeOf = ({ group, wanted }: Pick<Wait, 'group' | 'wanted'>): AckOutcome | null => {
    const standings = [...known]
      .filter((open) => open.group === group && counts(open))
      .map((open) => open.stream.standing(wanted))
      .filter((standing) => standing !== 'none');
    if (standings.length === 0) return 'nobody';
    if (standings.includes('nacked')) return 'nacked';
    return standings.includes('pending') ? null : 'acked';
  };

  const apply = (open: Open, step: Step): Refusal | null => {
    if (step.nack !== null) {
      const { type, version, message, resources } = step.nack;
      log.warn(
        { node: open.id, group: open.group, type: type.label, version, resources, message },
        `${open.group} node refused a ${type.label} update: it keeps what it had; mend these resources and publish again`,
      );
    }
    if (step.refusal !== null) return step.refusal;
    for (const response of step.responses) open.send(response);
    return null;
  };

  const identify = (node: AdsNode | null, transport: Transport, send: Open['send']): Open | Refusal => {
    if (node === null || node.id === '' || node.id.length > LIMITS.xdsNodeIdCharsMax) {
      const message = `the first request must have a node.id of 1 to ${LIMITS.xdsNodeIdCharsMax} characters`;
      return { code: 'INVALID_ARGUMENT', message };
    }
    const group = groupOf(node.cluster);
    if (group === null) {
      const wanted = Object.values(NODE_GROUPS).join(', ');
      return {
        code: 'PERMISSION_DENIED',
        message: `no group of nodes is called ${quote(node.cluster)}; node.cluster must be one of ${wanted}`,
      };
    }
    const nowMs = now();
    const stream = new DeltaStream(
      { streamId: `${startedMs.toString(36)}.${opened}`, types: GROUP_TYPES[group] },
      snapshots.get(group) ?? null,
    );
    return { id: node.id, group, transport, stream, send, connectedSinceMs: nowMs, lastContactMs: nowMs };
  };

  return {
    open(transport, send) {
      if (streams[transport] >= LIMITS.xdsStreamsMax) return null;
      streams[transport] += 1;
      opened += 1;
      let open: Open | null = null;
      let closed = false;
      return {
        request(request) {
          if (closed) return null;
          if (open === null) {
            const identified = identify(request.node, transport, send);
            if ('code' in identified) {
              log.warn({ node: quote(request.node?.id ?? ''), transport }, `xDS client refused: ${identified.message}`);
              return identified;
            }
            open = identified;
            known.add(open);
            log.info({ node: open.id, group: open.group, transport }, 'xDS client connected');
          }
          open.lastContactMs = now();
          const refusal = refuseSecret(open, request.typeUrl) ?? apply(open, open.stream.request(request, now()));
          if (refusal !== null)
            log.warn({ node: open.id, group: open.group, transport }, `xDS client refused: ${refusal.message}`);
          settle(open.group);
          return refusal;
        },
        close() {
          if (closed) return;
          closed = true;
          streams[transport] -= 1;
          if (open === null) return;
          known.delete(open);
          log.info({ node: open.id, group: open.group, transport }, 'xDS client left');
          settle(open.group);
        },
      };
    },
    setSnapshot(group, snapshot) {
      snapshots.set(group, snapshot);
      for (const open of known) {
        if (open.group === group) apply(open, open.stream.replace(snapshot));
      }
      settle(group);
    },
    acked(group, wanted, deadlineMs) {
      const outcome = outcomeOf({ group, wanted });
      if (outcome !== null) return Promise.resolve(outcome);
      return new Promise((resolve) => {
        const timer = setTimeout(() => wait.resolve('deadline'), deadlineMs);
        const wait: Wait = {
          group,
          wanted,
          resolve: (found) => {
            clearTimeout(timer);
            waits.delete(wait);
            resolve(found);
          },
        };
        waits.add(wait);
      });
    },
    nodes: () =>
      [...known].map(({ id, group, transport, stream, connectedSinceMs, lastContactMs }) => {
        return { id, group, transport, connectedSinceMs, lastContactMs, types: stream.status() };
      }),
    close() {
      for (const wait of waits) wait.resolve('nobody');
    },
  };
}

/** Keys and commands travel on a Unix socket only: on TCP anybody on this host could ask for them. */
function refuseSecret(open: Open, typeUrl: string): Refusal | null {
  const type = GROUP_TYPES[open.group].find((candidate) => candidate.typeUrl === typeUrl);
  if (open.transport === 'unix' || type?.secret !== true) return null;
  return { code: 'PERMISSION_DENIED', message: `${type.label} is secret: it is served on the Unix socket only` };
}

/** A service on TCP is refused what it cannot work without, so nobody needs to wait for it; an Envoy there is real. */
function counts({ transport, group }: Open): boolean {
  return transport === 'unix' || group === NODE_GROUPS.envoy;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, LIMITS.xdsNodeIdCharsMax));
}
