// Decides how the hub is reached: delta ADS over gRPC, on a Unix socket and on TCP.
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { NodeGroup } from '../../core/contract.ts';
import { DELTA_ADS, type DeltaRequest, type DeltaResponse } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Wanted } from './delta-stream.ts';
import { type AckOutcome, createHub, type Hub, type NodeStatus, type Transport } from './hub.ts';
import type { Snapshot } from './snapshot.ts';
import { claimSocket, protectSocket, removeSocket } from './socket.ts';

export type { AckOutcome, NodeStatus, Wanted };

export interface XdsServer {
  /** Replaces what the group's nodes shall hold. Check it before: `checkSnapshot`. */
  setSnapshot(group: NodeGroup, snapshot: Snapshot): void;
  /**
   * Waits until every connected node of the group has acknowledged what it subscribes to of these resources, as the
   * group's newest snapshot has them (so a newer one satisfies an older wait; gone ones must be given up). Clusters
   * count with their endpoints. `nacked`: a node refuses one of them.
   */
  acked(group: NodeGroup, wanted: readonly Wanted[], deadlineMs: number): Promise<AckOutcome>;
  /** The connected nodes. */
  nodes(): readonly NodeStatus[];
  /** Serves everything on a Unix socket of mode 0600. A stale socket file is removed. @throws when it cannot. */
  listenUnix(path: string): Promise<void>;
  /** Serves all but secret types. Port 0: any. @returns the port. @throws when it cannot. */
  listenTcp(host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

type Call = ServerDuplexStream<DeltaRequest, DeltaResponse>;

const CHANNEL = {
  'grpc.max_receive_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.max_send_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.keepalive_time_ms': LIMITS.xdsKeepAliveMs,
  'grpc.keepalive_timeout_ms': LIMITS.xdsKeepAliveDeadlineMs,
};

export function createXdsServer(options: { readonly log: Logger; readonly now: () => number }): XdsServer {
  const hub = createHub(options);
  const calls = new Set<Call>();
  const servers: Server[] = [];
  const sockets: string[] = [];

  const bind = async (transport: Transport, address: string): Promise<number> => {
    const server = new Server(CHANNEL);
    server.addService(
      { deltaAggregatedResources: DELTA_ADS },
      {
        deltaAggregatedResources: (call: Call) => serve(hub, calls, transport, call),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(new Error(`ADS cannot listen on ${address}: ${error.message}`, { cause: error }));
      });
    });
    servers.push(server);
    return port;
  };

  return {
    setSnapshot: hub.setSnapshot,
    acked: hub.acked,
    nodes: hub.nodes,
    async listenUnix(path) {
      await claimSocket(path);
      await bind('unix', `unix:${path}`);
      sockets.push(path);
      protectSocket(path);
    },
    listenTcp: (host, port) => bind('tcp', `${host.includes(':') ? `[${host}]` : host}:${port}`),
    async close() {
      hub.close();
      for (const call of calls) end(call, status.UNAVAILABLE, 'the control plane is closing');
      await Promise.all(servers.splice(0).map(shutDown));
      for (const path of sockets.splice(0)) removeSocket(path);
    },
  };
}

function serve(hub: Hub, calls: Set<Call>, transport: Transport, call: Call): void {
  const connection = hub.open(transport, (response) => call.write(response));
  if (connection === null) {
    end(call, status.RESOURCE_EXHAUSTED, `more than ${LIMITS.xdsStreamsMax} xDS streams`);
    return;
  }
  calls.add(call);
  const close = (): void => {
    calls.delete(call);
    connection.close();
  };
  call.on('data', (request: DeltaRequest) => {
    const refusal = connection.request(request);
    if (refusal === null) return;
    close();
    end(call, status[refusal.code], refusal.message);
  });
  call.on('end', () => {
    close();
    call.end();
  });
  for (const event of ['cancelled', 'error', 'close']) call.on(event, close);
}

function end(call: Call, code: status, details: string): void {
  call.emit('error', { code, details });
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), LIMITS.xdsCloseDeadlineMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
