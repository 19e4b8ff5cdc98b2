// Decides which node is given which snapshot, and who has acknowledged it; it knows nothing of gRPC.
import { randomUUID } from 'node:crypto';
import type { Instance } from '../../core/catalog/catalog.ts';
import { NODE_GROUPS } from '../../core/contract.ts';
import type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { admit, counts, forbidden, type Peer, quote, refuseSecret } from './admission.ts';
import { type Changes, changesBetween } from './changes.ts';
import { DeltaStream } from './delta-stream.ts';
import { instancesOf } from './instances.ts';
import { NO_METRICS, type XdsMetrics } from './metrics.ts';
import { type Node, type NodeInfo, type NodeStatus, NodeTable, nodeKey, type Transport } from './nodes.ts';
import { Refusals } from './refusals.ts';
import { GROUP_TYPES, labelOf } from './resource-types.ts';
import type { Snapshot } from './snapshot.ts';
import { SotwStream } from './sotw-stream.ts';
import { standingOf, type Wanted, wantedNames } from './standing.ts';
import type { Refusal, Step, XdsStream } from './stream.ts';
import { type AckOutcome, Waits } from './waits.ts';

export type { AckOutcome, NodeStatus, Peer, Transport, Wanted };

export type AnyRequest = DeltaRequest | SotwRequest;
export type AnyResponse = DeltaResponse | SotwResponse;

/** The other end of one stream. */
export interface Sink {
  /** @returns the bytes of it. */
  send(response: AnyResponse): number;
  end(reason: Refusal): void;
}

/** One stream of one client. */
export interface Connection {
  /** @returns why the stream is to be ended; null: it goes on. */
  request(request: AnyRequest): Refusal | null;
  close(): void;
}

/** The group of an Envoy. */
export type GroupResolver = (node: Pick<NodeInfo, 'id' | 'cluster' | 'metadata' | 'zone'>) => string;

export interface Hub {
  /** @returns why it may not. */
  open(peer: Peer, sink: Sink): Connection | Refusal;
  setSnapshot(group: string, snapshot: Snapshot): void;
  /** Connected Envoys whose group is another one now are given its snapshot. */
  setGroups(resolve: GroupResolver): void;
  acked(group: string, wanted: readonly Wanted[], deadlineMs: number): Promise<AckOutcome>;
  nodes(): readonly NodeStatus[];
  /** By name, those that are connected. */
  instances(): ReadonlyMap<string, Instance>;
  /** Ends all streams, and refuses new ones. */
  close(): void;
}

export interface HubOptions {
  readonly log: Logger;
  readonly now: () => number;
  readonly metrics?: XdsMetrics;
  /** An instance came or went. */
  readonly onInstance?: () => void;
  /**
   * Begins the nonces of a stream. It cannot be guessed: a client that does not read could otherwise acknowledge what
   * it never read, and so make us write without end.
   */
  readonly streamId?: () => string;
}

type Stream = XdsStream<AnyRequest, AnyResponse>;

interface Open {
  readonly node: Node<Open>;
  readonly stream: Stream;
  readonly peer: Peer;
  readonly sink: Sink;
  /** What `stream` was given last. */
  snapshot: Snapshot | null;
  status(): ReturnType<Stream['status']>;
}

const CLOSING: Refusal = { code: 'UNAVAILABLE', message: 'the control plane is closing' };

export function createHub(options: HubOptions): Hub {
  const { log, now, metrics = NO_METRICS, streamId = randomUUID, onInstance = () => {} } = options;
  const snapshots = new Map<string, Snapshot>();
  const table = new NodeTable<Open>();
  const waits = new Waits<Node<Open>>();
  const refusals = new Refusals();
  // Bounded apart: on TCP anybody on this host can connect, and must not keep our own services out.
  const streams: Record<Transport, number> = { unix: 0, tcp: 0, mtls: 0 };
  const ends = new Set<(reason: Refusal) => void>();
  let resolveGroup: GroupResolver = () => NODE_GROUPS.envoy;
  let closed = false;

  const nodesOf = (group: string): Node<Open>[] => table.connected().filter((node) => node.group === group);

  const send = (open: Open, responses: readonly AnyResponse[]): void => {
    for (const response of responses) {
      const bytes = open.sink.send(response);
      metrics.sent(labelOf(response.typeUrl), response.resources.length, bytes);
    }
  };

  const apply = (open: Open, step: Step<AnyResponse>): Refusal | null => {
    const { id, client, transport } = open.node.info;
    if (step.nack !== null) {
      const { type, version, message, resources } = step.nack;
      metrics.nacked(type.label);
      log.warn(
        { node: id, group: open.node.group, transport, type: type.label, version, resources, message },
        `${client} "${id}" refused ${type.label} ${listed(resources)}: it goes on with what it had, and is not sent the same again; mend what its message names and publish again`,
      );
    }
    if (step.ack !== null) {
      metrics.acked(step.ack.type.label);
      if (step.ack.pushedAtMs !== null) metrics.pushed(now() - step.ack.pushedAtMs);
    }
    if (step.refusal !== null) return step.refusal;
    send(open, step.responses);
    return null;
  };

  const replace = (open: Open, snapshot: Snapshot, changes: Changes | null): void => {
    open.snapshot = snapshot;
    apply(open, open.stream.replace(snapshot, changes, now()));
  };

  const groupOf = (info: NodeInfo): string => (info.client === NODE_GROUPS.envoy ? resolveGroup(info) : info.client);

  const begin = (node: Node<Open>, peer: Peer, sink: Sink, features: readonly string[]): Open => {
    const { info, group } = node;
    const snapshot = snapshots.get(group) ?? null;
    const types = GROUP_TYPES[info.client].filter(({ typeUrl }) => peer.typeUrl === null || typeUrl === peer.typeUrl);
    const options = { streamId: streamId(), types, features, refusals: refusals.of(nodeKey(info)) };
    const stream = peer.variant === 'delta' ? new DeltaStream(options, snapshot) : new SotwStream(options, snapshot);
    return { node, stream, peer, sink, snapshot, status: () => stream.status() };
  };

  const enter = (request: AnyRequest, peer: Peer, sink: Sink): Open | Refusal => {
    const identified = admit(request.node, peer, groupOf);
    if ('code' in identified) return identified;
    const { info, group } = identified;
    const open = table.enter(info, group, (node) => begin(node, peer, sink, request.node?.features ?? []), now());
    metrics.connected({ group: open.node.group, transport: info.transport }, 1);
    return open;
  };

  const leave = (open: Open): void => {
    const { id, transport, client } = open.node.info;
    table.leave(open.node, open, now());
    metrics.connected({ group: open.node.group, transport }, -1);
    if (open.node.streams.size === 0)
      log.info({ node: id, group: open.node.group, client, transport }, 'xDS client left');
    waits.changed(open.node);
    if (client === NODE_GROUPS.extProc) onInstance();
  };

  /** An Envoy's group is another one now; its certificate may not allow it. */
  const move = (node: Node<Open>, group: string): void => {
    const before = node.group;
    log.info({ node: node.info.id, group, before }, 'an Envoy was moved to another group');
    for (const { peer } of node.streams) {
      metrics.connected({ group: before, transport: peer.transport }, -1);
      metrics.connected({ group, transport: peer.transport }, 1);
    }
    node.group = group;
    const snapshot = snapshots.get(group);
    for (const open of [...node.streams]) {
      const refusal = forbidden(open.peer.identity, node.info, group);
      if (refusal !== null) open.sink.end(refusal);
      else if (snapshot !== undefined) replace(open, snapshot, null);
    }
    waits.changed(node);
  };

  const beat = setInterval(() => {
    for (const { streams: open } of table.connected()) for (const one of open) send(one, one.stream.beat());
  }, LIMITS.xdsHeartbeatMs).unref();

  return {
    open(peer, sink) {
      if (closed) return CLOSING;
      const { transport } = peer;
      if (streams[transport] >= LIMITS.xdsStreamsMax) {
        return { code: 'RESOURCE_EXHAUSTED', message: `more than ${LIMITS.xdsStreamsMax} xDS streams` };
      }
      streams[transport] += 1;
      let open: Open | null = null;
      let over = false;
      const end = (reason: Refusal): void => sink.end(reason);
      ends.add(end);
      return {
        request(request) {
          if (over) return null;
          if (open === null) {
            const entered = enter(request, peer, sink);
            if ('code' in entered) {
              log.warn({ node: quote(request.node?.id ?? ''), transport }, `xDS client refused: ${entered.message}`);
              return entered;
            }
            open = entered;
            const { info, group } = open.node;
            const { id, client, variant, userAgent } = info;
            if (open.node.streams.size === 1)
              log.info({ node: id, group, client, transport, variant, userAgent }, 'xDS client connected');
            if (client === NODE_GROUPS.extProc) onInstance();
          }
          open.node.lastContactMs = now();
          const refusal =
            refuseSecret(peer, open.node.info, request.typeUrl) ?? apply(open, open.stream.request(request, now()));
          if (refusal !== null)
            log.warn(
              { node: open.node.info.id, group: open.node.group, transport },
              `xDS client refused: ${refusal.message}`,
            );
          waits.changed(open.node);
          return refusal;
        },
        close() {
          if (over) return;
          over = true;
          ends.delete(end);
          streams[transport] -= 1;
          if (open !== null) leave(open);
        },
      };
    },
    setSnapshot(group, snapshot) {
      const before = snapshots.get(group);
      snapshots.set(group, snapshot);
      const changes = before === undefined ? null : changesBetween(before, snapshot);
      const nodes = nodesOf(group);
      for (const node of nodes) {
        for (const open of node.streams) replace(open, snapshot, open.snapshot === before ? changes : null);
      }
      waits.replaced(group, nodes);
    },
    setGroups(resolve) {
      resolveGroup = resolve;
      for (const node of table.connected()) {
        const group = groupOf(node.info);
        if (group !== node.group) move(node, group);
      }
    },
    acked(group, wanted, deadlineMs) {
      const names = wantedNames(wanted);
      const standing = (node: Node<Open>) =>
        counts(node.info)
          ? standingOf(
              [...node.streams].map(({ stream }) => stream),
              snapshots.get(node.group) ?? null,
              names,
            )
          : 'none';
      return waits.add(group, nodesOf(group), standing, deadlineMs);
    },
    nodes: () => table.status(now()),
    instances: () => instancesOf(table.connected().map(({ info }) => info)),
    close() {
      closed = true;
      clearInterval(beat);
      waits.close();
      for (const end of ends) end(CLOSING);
    },
  };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, LIMITS.xdsNamesShownMax).map(quote).join(', ');
  return names.length > LIMITS.xdsNamesShownMax ? `${shown} and ${names.length - LIMITS.xdsNamesShownMax} more` : shown;
}
