// Decides how a test writes what Envoy sends ext-proc; the integration tests hold the codec against Envoy's own descriptors.
import { WireMessage } from './wire-message.ts';

const header = (name: string, value: string): WireMessage => new WireMessage().textField(1, name).textField(3, value);

export interface HeadersInput {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly endOfStream?: boolean;
  /** namespace → key → text. */
  readonly metadata?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export function requestHeaders({ headers, endOfStream = false, metadata }: HeadersInput): Buffer {
  const map = new WireMessage();
  for (const [name, value] of headers) map.messageField(1, header(name, value));
  const inner = new WireMessage().messageField(1, map);
  if (endOfStream) inner.varintField(3, 1);
  const request = new WireMessage().messageField(2, inner);
  if (metadata !== undefined) {
    const namespaces = new WireMessage();
    for (const [namespace, values] of Object.entries(metadata)) {
      const struct = new WireMessage();
      for (const [key, value] of Object.entries(values)) {
        struct.messageField(
          1,
          new WireMessage().textField(1, key).messageField(2, new WireMessage().textField(3, value)),
        );
      }
      namespaces.messageField(1, new WireMessage().textField(1, namespace).messageField(2, struct));
    }
    request.messageField(8, namespaces);
  }
  return request.finish();
}

export function requestBody(body: string | Buffer, endOfStream = true): Buffer {
  const inner = new WireMessage().bytesField(1, Buffer.from(body));
  if (endOfStream) inner.varintField(2, 1);
  return new WireMessage().messageField(4, inner).finish();
}

export function requestTrailers(): Buffer {
  return new WireMessage().messageField(6, new WireMessage()).finish();
}

/** A message of gRPC: not compressed, its length, its bytes. */
export function grpcFrame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
