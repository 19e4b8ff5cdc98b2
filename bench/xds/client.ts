// Decides how one light delta client of the bench behaves: it subscribes, counts, acknowledges, and keeps nothing.
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { NODE_GROUPS } from '../../core/contract.ts';
import {
  DELTA_ADS,
  type DeltaRequest,
  type DeltaResponse,
  decodeDeltaResponse,
  emptyDeltaRequest,
  encodeDeltaRequest,
} from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import { resourceName } from './registry.ts';

const CLUSTERS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const ENDPOINTS = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

const CHANNEL = {
  'grpc.max_receive_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.enable_http_proxy': 0,
  // A connection of its own, as an Envoy has.
  'grpc.use_local_subchannel_pool': 1,
};

export interface BenchClientEvents {
  /** After its acknowledgement was written. */
  acked(response: DeltaResponse, bytes: number): void;
  trouble(words: string): void;
}

/** @param servers the numbers of the servers that it holds; null: all. */
export function startClient(
  socket: string,
  id: string,
  servers: readonly number[] | null,
  events: BenchClientEvents,
): void {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), CHANNEL);
  const decode = (bytes: Buffer) => ({ response: decodeDeltaResponse(bytes), bytes: bytes.length });
  const call: ClientDuplexStream<DeltaRequest, ReturnType<typeof decode>> = client.makeBidiStreamRequest(
    DELTA_ADS.path,
    encodeDeltaRequest,
    decode,
  );
  const ask = (typeUrl: string, request: Partial<DeltaRequest>, written?: () => void): void => {
    call.write({ ...emptyDeltaRequest(typeUrl), ...request }, written);
  };
  call.on('data', ({ response, bytes }: ReturnType<typeof decode>) => {
    ask(response.typeUrl, { responseNonce: response.nonce }, () => events.acked(response, bytes));
  });
  call.on('error', (error) => events.trouble(`${id}: ${error.message}`));
  const subscribe = servers === null ? ['*'] : servers.map(resourceName);
  ask(CLUSTERS, { node: { id, cluster: NODE_GROUPS.envoy, userAgent: 'bench' }, subscribe });
  ask(ENDPOINTS, { subscribe });
}
