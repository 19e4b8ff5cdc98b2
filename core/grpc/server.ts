// Decides how a bidirectional gRPC stream is served over node:http2: framing, flow control, orderly ends; for the hot path only.
import { rmSync } from 'node:fs';
import http2 from 'node:http2';
import { LIMITS } from '../limits.ts';
import type { Logger } from '../runtime/log.ts';
import { FrameReader, frames, type MessageParts } from './frames.ts';

export interface GrpcStream {
  /** The request's headers: `:path` and the initial metadata. */
  readonly headers: http2.IncomingHttpHeaders;
  /** Sends messages in one write. */
  send(...messages: readonly MessageParts[]): void;
  /** Ends the call with status OK. */
  end(): void;
  /** Ends the call with an error status; Envoy fails the request closed. */
  fail(grpcStatus: number, message: string): void;
  /** Bytes that Envoy has not taken yet. */
  readonly pendingBytes: number;
  /** Calls `listener` once, when Envoy has taken everything that was sent. */
  onDrain(listener: () => void): void;
}

export interface StreamHandler {
  message(bytes: Buffer): void;
  /** Envoy sends no more. */
  halfClosed(): void;
  /** The stream is gone, in whichever way. Called once. */
  closed(): void;
}

export interface GrpcServerOptions {
  /** By method path, e.g. `/envoy.service.ext_proc.v3.ExternalProcessor/Process`. */
  readonly methods: Readonly<Record<string, (stream: GrpcStream) => StreamHandler>>;
  readonly messageBytesMax: number;
  readonly log: Logger;
}

const WINDOW_BYTES = 4 * 1024 * 1024;

export interface GrpcServer {
  /** Listens on a Unix socket of mode 0600, from its first moment. */
  listen(socketPath: string): Promise<void>;
  close(): Promise<void>;
}

export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer({
    // The default of 10 MB per connection refuses streams under load; bodies are bounded per exchange.
    maxSessionMemory: 4096,
    settings: { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: 1_000_000, enablePush: false },
    // Envoy may reset every stream it is done with (see docs/adr/0004): not an attack on this private socket.
    streamResetBurst: 1_000_000,
    streamResetRate: 1_000_000,
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(64 * WINDOW_BYTES);
    session.on('close', () => sessions.delete(session));
    session.on('error', (error) => options.log.warn({ err: error }, 'a connection from Envoy broke'));
  });
  server.on('stream', (stream, headers) => serve(stream, headers, options));
  return {
    listen: (socketPath) =>
      new Promise((resolve, reject) => {
        rmSync(socketPath, { force: true });
        const before = process.umask(0o177);
        server.once('error', reject);
        server.listen(socketPath, resolve);
        process.umask(before);
      }),
    close: () =>
      new Promise((resolve) => {
        // What was written last goes out, e.g. the end of a stream; what has no end is cut.
        const cut = setTimeout(() => {
          for (const session of sessions) session.destroy();
        }, LIMITS.grpcDrainMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        for (const session of sessions) session.close();
      }),
  };
}

function serve(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, options: GrpcServerOptions): void {
  const path = headers[':path'] ?? '';
  const method = Object.hasOwn(options.methods, path) ? options.methods[path] : undefined;
  if (method === undefined) {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  let status = 0;
  let statusMessage = '';
  stream.on('wantTrailers', () => {
    stream.sendTrailers({
      'grpc-status': String(status),
      ...(statusMessage === '' ? {} : { 'grpc-message': statusMessage }),
    });
  });
  const open = (): boolean => !stream.destroyed && !stream.writableEnded;
  const handler = method({
    headers,
    send: (...messages) => {
      if (!open()) return;
      const buffers = frames(messages);
      if (buffers.length === 1) {
        stream.write(buffers[0]);
        return;
      }
      stream.cork();
      for (const buffer of buffers) stream.write(buffer);
      stream.uncork();
    },
    end: () => {
      if (open()) stream.end();
    },
    fail: (grpcStatus, message) => {
      status = grpcStatus;
      statusMessage = encodeURIComponent(message);
      if (open()) stream.end();
    },
    get pendingBytes() {
      return stream.writableLength;
    },
    onDrain: (listener) => {
      if (stream.writableNeedDrain) stream.once('drain', listener);
      else queueMicrotask(listener);
    },
  });
  const reader = new FrameReader(options.messageBytesMax, (message) => handler.message(message));
  let failed = false;
  const guarded = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      options.log.error({ err: error }, 'an exchange failed; the request is refused');
      failed = true;
      status = 13;
      if (open()) stream.end();
    }
  };
  stream.on('data', (chunk: Buffer) =>
    guarded(() => {
      if (!failed) reader.push(chunk);
    }),
  );
  stream.on('end', () => guarded(() => handler.halfClosed()));
  // A reset is an ordinary end of an exchange: the caller left.
  stream.on('error', () => {});
  stream.on('close', () => guarded(() => handler.closed()));
}
