// Decides how our own processes listen to a backend: a stream of events through Envoy's egress listener, within bounds.
import http from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { type EgressRequest, egressHeaders, headerOf, parseObject } from './egress.ts';
import { mediaType } from './media-type.ts';
import { SseParser } from './sse.ts';

export interface StreamRequest
  extends Pick<EgressRequest, 'cluster' | 'path' | 'sessionId' | 'protocolVersion' | 'headers'> {
  /** A JSON-RPC request that is answered by a stream; absent: a GET. */
  readonly body?: string;
  /** The answer must have begun within this. */
  readonly deadlineMs: number;
  /** Each message of the stream, in order. */
  readonly onMessage: (message: JsonObject) => void;
}

/** `refused`: what answered is no stream, which is normal for servers without one (405). */
export interface StreamEnd {
  readonly why: 'refused' | 'unreachable' | 'deadline' | 'too_large' | 'ended' | 'closed';
  /** 0 when there was no answer. */
  readonly status: number;
}

export interface EgressStream {
  /** Resolves to whether the stream began. */
  readonly opened: Promise<boolean>;
  readonly ended: Promise<StreamEnd>;
  close(): void;
}

export interface EgressStreams {
  /** Total: every failure is an end. */
  open(request: StreamRequest): EgressStream;
  close(): void;
}

/** Streams through the egress listener on the Unix socket `socketPath`. Each has a connection of its own. */
export function createEgressStreams(socketPath: string): EgressStreams {
  const streams = new Set<EgressStream>();
  return {
    open(request) {
      const stream = open(socketPath, request);
      streams.add(stream);
      void stream.ended.then(() => streams.delete(stream));
      return stream;
    },
    close() {
      for (const stream of streams) stream.close();
    },
  };
}

function open(socketPath: string, request: StreamRequest): EgressStream {
  const opened = Promise.withResolvers<boolean>();
  const ended = Promise.withResolvers<StreamEnd>();
  let status = 0;
  let call: http.ClientRequest | undefined;
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const end = (why: StreamEnd['why']): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    call?.destroy();
    opened.resolve(false);
    ended.resolve({ why, status });
  };
  const receive = (response: http.IncomingMessage): void => {
    status = response.statusCode ?? 0;
    const type = mediaType(headerOf(response, 'content-type'));
    if (status !== 200 || type !== 'text/event-stream') return end('refused');
    clearTimeout(timer);
    opened.resolve(true);
    const decoder = new StringDecoder('utf8');
    const parser = new SseParser(LIMITS.streamEventBytesMax);
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMITS.streamBytesMax) return end('too_large');
      for (const { data } of parser.push(decoder.write(chunk))) {
        const message = parseObject(data);
        if (message !== null && !over) request.onMessage(message);
      }
      if (parser.tooLarge) end('too_large');
    });
    response.on('end', () => end('ended'));
    response.on('error', () => end('ended'));
  };
  try {
    const { deadlineMs, onMessage: _, ...rest } = request;
    const headers = egressHeaders({ ...rest, idempotent: false });
    const method = request.body === undefined ? 'GET' : 'POST';
    call = http.request({ agent: false, socketPath, path: request.path, method, headers });
    timer = setTimeout(() => end('deadline'), deadlineMs);
    call.on('error', () => end(status === 0 ? 'unreachable' : 'ended'));
    call.on('response', receive);
    call.end(request.body);
  } catch {
    // A path or a header that no request can have.
    end('unreachable');
  }
  return { opened: opened.promise, ended: ended.promise, close: () => end('closed') };
}
