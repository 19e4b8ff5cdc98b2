// Decides how one delta ADS stream to the control plane is opened, and when it counts as ended.
import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { DELTA_ADS, type DeltaRequest, type DeltaResponse } from '../grpc/ads.ts';
import { LIMITS } from '../limits.ts';
import type { AdsTarget } from './target.ts';

export interface AdsStream {
  send(request: DeltaRequest): void;
  close(): void;
}

export interface AdsEvents {
  response(response: DeltaResponse): void;
  /** Once, however the stream ends; not after `close`. */
  ended(reason: string): void;
}

const CHANNEL = {
  'grpc.max_receive_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.max_send_message_length': LIMITS.xdsMessageBytesMax,
  'grpc.keepalive_time_ms': LIMITS.xdsKeepAliveMs,
  'grpc.keepalive_timeout_ms': LIMITS.xdsKeepAliveDeadlineMs,
  // A proxy in the environment is not for the control plane, and a channel of its own has no pauses of its own.
  'grpc.enable_http_proxy': 0,
  'grpc.use_local_subchannel_pool': 1,
};

export function openStream({ address, tls }: AdsTarget, events: AdsEvents): AdsStream {
  const channel = tls === undefined ? credentials.createInsecure() : credentials.createSsl(tls.ca, tls.key, tls.cert);
  const client = new Client(address, channel, CHANNEL);
  const { path, requestSerialize, responseDeserialize } = DELTA_ADS;
  const call: ClientDuplexStream<DeltaRequest, DeltaResponse> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
  );
  let over = false;
  const finish = (reason: string | null): void => {
    if (over) return;
    over = true;
    call.cancel();
    client.close();
    if (reason !== null) events.ended(reason);
  };
  call.on('data', (response: DeltaResponse) => {
    if (!over) events.response(response);
  });
  // What the server refuses it says in `details`; both events come, the error first.
  call.on('error', (error: ServiceError) => finish(error.details || error.message));
  call.on('end', () => finish('the control plane ended the stream'));
  return {
    send: (request) => {
      if (!over) call.write(request);
    },
    close: () => finish(null),
  };
}
