// Decides what Envoy writes of each request: one JSON line, no header of the client's, no session, no token.
import { METADATA } from '../../../core/contract.ts';
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson } from './types.ts';

const own = (key: string): string => `%DYNAMIC_METADATA(${METADATA.namespace}:${key})%`;

/** What ext-proc left, of a call that it made itself: for Envoy's ingress nobody is behind that. */
const ownElse = (key: string, command: string): string => {
  const left = { command: 'DYNAMIC_METADATA', param: `${METADATA.namespace}:${key}` };
  return `%COALESCE(${JSON.stringify({ operators: [left, { command }] })})%`;
};

/** To a file, not through another process: at full load a line is as dear as a filter. */
export function accessLog(path: string): EnvoyJson {
  return {
    name: 'chancery.access_log',
    typed_config: {
      '@type': FILTERS.fileLog,
      path,
      log_format: {
        json_format: {
          time: '%START_TIME%',
          listener: '%LISTENER_NAME%',
          method: '%REQ(:METHOD)%',
          path: '%PATH(NQ)%',
          status: '%RESPONSE_CODE%',
          details: '%RESPONSE_CODE_DETAILS%',
          flags: '%RESPONSE_FLAGS%',
          cluster: ownElse(METADATA.cluster, 'UPSTREAM_CLUSTER'),
          replica: ownElse(METADATA.replica, 'UPSTREAM_HOST'),
          attempts: ownElse(METADATA.attempts, 'UPSTREAM_REQUEST_ATTEMPT_COUNT'),
          ms: '%DURATION%',
          bytes_in: '%BYTES_RECEIVED%',
          bytes_out: '%BYTES_SENT%',
          request_id: '%REQ(X-REQUEST-ID)%',
          server: own(METADATA.server),
          target: own(METADATA.tool),
          decision: own(METADATA.decision),
          lane: own(METADATA.lane),
          rules: own(METADATA.rules),
        },
      },
    },
  };
}
