// Decides what is known of each node: those that are connected, and for a while those that left.
import type { NodeGroup } from '../../core/contract.ts';
import type { Variant } from '../../core/grpc/xds-methods.ts';
import { LIMITS } from '../../core/limits.ts';
import type { TypeStatus } from './stream.ts';

/** `mtls`: TCP with a client certificate. */
export type Transport = 'unix' | 'tcp' | 'mtls';

/** A node, as plain data. */
export interface NodeStatus {
  readonly id: string;
  /** What kind of client it is. */
  readonly client: NodeGroup;
  /** Whose snapshot it is given: of our own services the same as `client`. */
  readonly group: string;
  readonly transport: Transport;
  readonly variant: Variant;
  /** Name and version, as it says; '' when it does not. */
  readonly userAgent: string;
  readonly connected: boolean;
  /** Streams that it has open: one with ADS, otherwise one for each type or resource. */
  readonly streams: number;
  readonly connectedSinceMs: number;
  /** When it last sent anything. */
  readonly lastContactMs: number;
  readonly disconnectedAtMs: number | null;
  /** The types that it subscribes to, in push order; of one that left, as it left them. */
  readonly types: readonly TypeStatus[];
}

/** One stream of a node, for this table. */
export interface NodeStream {
  status(): readonly TypeStatus[];
}

export interface NodeInfo {
  readonly id: string;
  readonly client: NodeGroup;
  readonly transport: Transport;
  readonly variant: Variant;
  readonly userAgent: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly zone: string;
}

export interface Node<Stream extends NodeStream> {
  /** As its newest stream says. */
  info: NodeInfo;
  group: string;
  readonly streams: Set<Stream>;
  readonly types: Map<string, TypeStatus>;
  connectedSinceMs: number;
  lastContactMs: number;
  disconnectedAtMs: number | null;
}

/** What somebody without a certificate says on TCP must not be mixed with what is known of the node whose name he gives. */
export function nodeKey({ id, client, transport }: Pick<NodeInfo, 'id' | 'client' | 'transport'>): string {
  return JSON.stringify([transport, client, id]);
}

export class NodeTable<Stream extends NodeStream> {
  readonly #nodes = new Map<string, Node<Stream>>();

  connected(): Node<Stream>[] {
    return [...this.#nodes.values()].filter(({ streams }) => streams.size > 0);
  }

  /** @param make one more stream of the node. */
  enter(info: NodeInfo, group: string, make: (node: Node<Stream>) => Stream, nowMs: number): Stream {
    const key = nodeKey(info);
    const before = this.#nodes.get(key);
    const fresh = before === undefined || before.streams.size === 0;
    const node: Node<Stream> = fresh
      ? {
          info,
          group,
          streams: new Set(),
          types: new Map(),
          connectedSinceMs: nowMs,
          lastContactMs: nowMs,
          disconnectedAtMs: null,
        }
      : before;
    node.info = info;
    const stream = make(node);
    node.streams.add(stream);
    // Again at the end: the first in the map is the one that left first.
    if (fresh) this.#nodes.delete(key);
    this.#nodes.set(key, node);
    return stream;
  }

  leave(node: Node<Stream>, stream: Stream, nowMs: number): void {
    if (!node.streams.delete(stream)) return;
    for (const status of stream.status()) node.types.set(status.typeUrl, status);
    if (node.streams.size > 0) return;
    node.disconnectedAtMs = nowMs;
    const key = nodeKey(node.info);
    this.#nodes.delete(key);
    this.#nodes.set(key, node);
    this.#forget(node.info.transport, nowMs);
  }

  status(nowMs: number): readonly NodeStatus[] {
    this.#forget(null, nowMs);
    return [...this.#nodes.values()].map(
      ({ info, group, streams, types, connectedSinceMs, lastContactMs, disconnectedAtMs }) => {
        const { id, client, transport, variant, userAgent } = info;
        return {
          id,
          client,
          group,
          transport,
          variant,
          userAgent,
          connected: streams.size > 0,
          streams: streams.size,
          connectedSinceMs,
          lastContactMs,
          disconnectedAtMs,
          types: streams.size > 0 ? merge([...streams].map((stream) => stream.status())) : [...types.values()],
        };
      },
    );
  }

  /** Those that left too long ago; and the first that left, of each transport apart: strangers must not crowd out others. */
  #forget(transport: Transport | null, nowMs: number): void {
    const gone = [...this.#nodes].filter(([, node]) => node.streams.size === 0);
    for (const [key, { disconnectedAtMs }] of gone) {
      if (nowMs - (disconnectedAtMs ?? nowMs) > LIMITS.xdsNodesGoneMs) this.#nodes.delete(key);
    }
    const same = gone.filter(([, node]) => node.info.transport === transport);
    for (const [key] of same.slice(0, Math.max(0, same.length - LIMITS.xdsNodesGoneMax))) this.#nodes.delete(key);
  }
}

/** Of several streams with one type the one that an operator should see: that refuses, that waits, the newest. */
function merge(statuses: readonly (readonly TypeStatus[])[]): readonly TypeStatus[] {
  if (statuses.length === 1) return statuses[0]!;
  const types = new Map<string, TypeStatus>();
  for (const status of statuses.flat()) {
    const before = types.get(status.typeUrl);
    if (before === undefined || trouble(status) >= trouble(before)) types.set(status.typeUrl, status);
  }
  return [...types.values()];
}

function trouble({ nacked, sent, acked }: TypeStatus): number {
  if (nacked !== null) return 2;
  return sent === acked ? 0 : 1;
}
