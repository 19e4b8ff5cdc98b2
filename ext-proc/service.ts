// Decides which exchange a gRPC stream from Envoy is: the first filter's, or a repair.
import { CALLER, EXT_PROC_METHOD } from '../core/contract.ts';
import { createGrpcServer, type GrpcServer } from '../core/grpc/server.ts';
import { createRepair } from './backend/repair.ts';
import { createExchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';

/** Room for what surrounds a body chunk in its message. */
const ENVELOPE_BYTES = 64 * 1024;

export function createService(gateway: Gateway): GrpcServer {
  return createGrpcServer({
    methods: {
      [EXT_PROC_METHOD]: (stream) =>
        stream.headers[CALLER.part] === CALLER.repair ? createRepair(stream, gateway) : createExchange(stream, gateway),
    },
    messageBytesMax: gateway.bodyBytesMax + ENVELOPE_BYTES,
    log: gateway.log,
  });
}
