// Decides how a service's stream is ended that cannot go on, so that the service hears of it and comes again.
import { type ServerDuplexStream, status } from '@grpc/grpc-js';

/** To destroy it would tell nobody: the status is sent for an error that the stream emits. */
export function endStream<Up, Down>(stream: ServerDuplexStream<Up, Down>, details: string): void {
  stream.emit('error', { code: status.UNAVAILABLE, details });
}
