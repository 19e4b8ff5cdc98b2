// Decides how the hub is reached: every xDS method over gRPC, on a Unix socket and on TCP, with certificates or without.
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { Instance } from '../../core/catalog/catalog.ts';
import {
  type DeltaResponse,
  decodeDeltaRequest,
  decodeSotwRequest,
  encodeDeltaResponse,
  encodeSotwResponse,
  type SotwResponse,
} from '../../core/grpc/ads.ts';
import { XDS_METHODS, type XdsMethod } from '../../core/grpc/xds-methods.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { identityOf } from '../../core/xds-client/identity.ts';
import {
  type AckOutcome,
  type AnyRequest,
  type AnyResponse,
  createHub,
  type GroupResolver,
  type Hub,
  type HubOptions,
  type NodeStatus,
  type Peer,
  type Transport,
  type Wanted,
} from './hub.ts';
import type { Snapshot } from './snapshot.ts';
import { claimSocket, protectSocket, removeSocket } from './socket.ts';
import type { Refusal } from './stream.ts';
import type { AdsTls } from './tls.ts';

export type { AckOutcome, GroupResolver, NodeStatus, Wanted };

export interface XdsServer {
  /** Replaces what the group's nodes shall hold. Check it before: `checkSnapshot`. */
  setSnapshot(group: string, snapshot: Snapshot): void;
  /** Which group an Envoy is in; until it is set all are in `envoy`. Connected ones are moved. */
  setGroups(resolve: GroupResolver): void;
  /**
   * Waits until every connected node of the group has acknowledged what it subscribes to of these resources, as the
   * group's newest snapshot has them (so a newer one satisfies an older wait; gone ones must be given up). Clusters
   * count with their endpoints. `nacked`: a node refuses one of them.
   */
  acked(group: string, wanted: readonly Wanted[], deadlineMs: number): Promise<AckOutcome>;
  /** The nodes, also those that left (see LIMITS.xdsNodesGone*). */
  nodes(): readonly NodeStatus[];
  /** ext-proc that are connected and said where they are, by name. */
  instances(): ReadonlyMap<string, Instance>;
  /** Serves everything on a Unix socket of mode 0600. A stale socket file is removed. @throws when it cannot. */
  listenUnix(path: string): Promise<void>;
  /**
   * Serves all but secret types; with TLS those too, to clients whose certificate names their group and node id.
   * Port 0: any. @returns the port. @throws when it cannot.
   */
  listenTcp(host: string, port: number, tls?: AdsTls): Promise<number>;
  /** Ends the streams with UNAVAILABLE when what is being written went out. */
  close(): Promise<void>;
}

type Call = ServerDuplexStream<AnyRequest, Buffer>;

const CHANNEL = {
  'grpc.max_receive_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.max_send_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.keepalive_time_ms': LIMITS.xdsKeepAliveMs,
  'grpc.keepalive_timeout_ms': LIMITS.xdsKeepAliveDeadlineMs,
};

const CODECS = {
  delta: {
    decode: decodeDeltaRequest,
    encode: (response: AnyResponse) => encodeDeltaResponse(response as DeltaResponse),
  },
  sotw: { decode: decodeSotwRequest, encode: (response: AnyResponse) => encodeSotwResponse(response as SotwResponse) },
};

export function createXdsServer(options: HubOptions): XdsServer {
  const hub = createHub(options);
  const servers: Server[] = [];
  const sockets: string[] = [];

  const bind = async (transport: Transport, address: string, credentials: ServerCredentials): Promise<number> => {
    const server = new Server(CHANNEL);
    for (const method of XDS_METHODS) {
      const handle = (call: Call): void => serve({ hub, log: options.log, transport, method, call });
      // What is written is encoded already, so that its bytes can be counted.
      server.register(method.path, handle, (bytes: Buffer) => bytes, CODECS[method.variant].decode, 'bidi');
    }
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, credentials, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(new Error(`ADS cannot listen on ${address}: ${error.message}`, { cause: error }));
      });
    });
    servers.push(server);
    return port;
  };

  return {
    setSnapshot: hub.setSnapshot,
    setGroups: hub.setGroups,
    acked: hub.acked,
    nodes: hub.nodes,
    instances: hub.instances,
    async listenUnix(path) {
      await claimSocket(path);
      await bind('unix', `unix:${path}`, ServerCredentials.createInsecure());
      sockets.push(path);
      protectSocket(path);
    },
    listenTcp(host, port, tls) {
      const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      if (tls === undefined) return bind('tcp', address, ServerCredentials.createInsecure());
      const pair = { private_key: tls.key, cert_chain: tls.cert };
      return bind('mtls', address, ServerCredentials.createSsl(tls.clientCa, [pair], true));
    },
    async close() {
      hub.close();
      await Promise.all(servers.splice(0).map(shutDown));
      for (const path of sockets.splice(0)) removeSocket(path);
    },
  };
}

interface Serving {
  readonly hub: Hub;
  readonly log: Logger;
  readonly transport: Transport;
  readonly method: XdsMethod;
  readonly call: Call;
}

function serve({ hub, log, transport, method, call }: Serving): void {
  const { variant, typeUrl } = method;
  const peer = peerOf(transport, method, call);
  if (peer === null) {
    const message = 'the certificate names no node: wanted one URI spiffe://TRUST-DOMAIN/chancery/GROUP/NODE-ID';
    log.warn({ transport, peer: call.getPeer() }, `xDS client refused: ${message}`);
    end(call, { code: 'PERMISSION_DENIED', message });
    return;
  }
  const connection = hub.open(peer, {
    send(response) {
      const bytes = CODECS[variant].encode(response);
      call.write(bytes);
      return bytes.length;
    },
    end: (reason) => finish(reason),
  });
  if ('code' in connection) {
    end(call, connection);
    return;
  }
  const finish = (reason: Refusal): void => {
    connection.close();
    end(call, reason);
  };
  call.on('data', (request: AnyRequest) => {
    // "type_url: implicit in requests made via singleton xDS APIs".
    const named = typeUrl !== null && request.typeUrl === '' ? { ...request, typeUrl } : request;
    const refusal = connection.request(named);
    if (refusal !== null) finish(refusal);
  });
  call.on('end', () => {
    connection.close();
    call.end();
  });
  for (const event of ['cancelled', 'error', 'close']) call.on(event, () => connection.close());
}

/** null: it has a certificate of our authorities, which names no node. */
function peerOf(transport: Transport, { variant, typeUrl }: XdsMethod, call: Call): Peer | null {
  if (transport !== 'mtls') return { transport, variant, typeUrl, identity: null };
  const identity = identityOf(call.getAuthContext().sslPeerCertificate?.subjectaltname);
  return identity === null ? null : { transport, variant, typeUrl, identity };
}

/** What was written before goes out first. */
function end(call: Call, { code, message }: Refusal): void {
  call.emit('error', { code: status[code], details: message });
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
