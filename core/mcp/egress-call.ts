// Decides how ext-proc makes a call whose answer it passes on as it comes: a stream of messages through Envoy's egress listener.
import http2 from 'node:http2';
import net from 'node:net';
import { HEADERS } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import { type EgressRequest, egressHeaders } from './egress.ts';
import { mediaType } from './media-type.ts';
import { SseParser } from './sse.ts';
import { Utf8Reader } from './utf8.ts';

export interface CallHead {
  readonly status: number;
  /** The media type alone, in small letters; '' without one. */
  readonly contentType: string;
  /** '' without one. */
  readonly sessionId: string;
  /** Who answered, as Envoy says; absent: it answered itself. */
  readonly by?: { readonly replica: string; readonly attempts: string };
}

export interface CallEvent {
  /** The raw JSON text of a message; '' for an event that only carries an id (a priming event). */
  readonly data: string;
  readonly id?: string;
  /** Milliseconds. */
  readonly retry?: number;
}

/**
 * `ended`: in good order. `unreachable`: nothing answered. `reset`: it broke off in the middle. `content_type`: neither JSON
 * nor a stream of events. `malformed`: no UTF-8.
 */
export type CallEnd = 'ended' | 'unreachable' | 'deadline' | 'reset' | 'too_large' | 'content_type' | 'malformed';

export interface CallRequest
  extends Pick<EgressRequest, 'cluster' | 'path' | 'sessionId' | 'protocolVersion' | 'headers' | 'replica'> {
  readonly method: 'GET' | 'POST';
  readonly body?: string | Buffer;
  readonly lastEventId?: string;
  /** The answer must have begun within this. */
  readonly deadlineMs: number;
  /** Bytes of one event, or of a body that is no stream. Absent: LIMITS.backendAnswerBytesMax. */
  readonly eventBytesMax?: number;
  /** Once, before any event; not called when nothing answered. */
  readonly onOpen: (head: CallHead) => void;
  /** In order. A JSON body is one event, whatever its status. */
  readonly onEvent: (event: CallEvent) => void;
  /** Once, and last. Not called after `close`. */
  readonly onEnd: (why: CallEnd) => void;
}

export interface EgressCall {
  /** The backend sees a caller that left. Nothing is called any more. */
  close(): void;
  /** The backend is read no further until `resume`, but for what is on its way already. */
  pause(): void;
  resume(): void;
}

export interface EgressCalls {
  /** Total: every failure is an end; nothing is called before it returns. */
  open(request: CallRequest): EgressCall;
  close(): void;
}

interface Connection {
  readonly session: http2.ClientHttp2Session;
  streams: number;
}

const NO_HEADERS: http2.OutgoingHttpHeaders = {};
const WINDOW_BYTES = 256 * 1024;

/** HTTP/2 over the Unix socket `socketPath`: many calls share a connection, and one that is paused holds up no other. */
export function createEgressCalls(socketPath: string): EgressCalls {
  const connections = new Set<Connection>();
  const connect = (): Connection => {
    const session = http2.connect('http://localhost', {
      createConnection: () => net.connect(socketPath),
      // The default of 10 MB refuses streams under load; each call has a bound of its own.
      maxSessionMemory: 4096,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    const connection: Connection = { session, streams: 0 };
    connections.add(connection);
    session.on('connect', () => session.setLocalWindowSize(64 * WINDOW_BYTES));
    // Its calls are told themselves.
    session.on('error', () => connections.delete(connection));
    session.on('close', () => connections.delete(connection));
    return connection;
  };
  const acquire = (): Connection => {
    for (const connection of connections) {
      const { session, streams } = connection;
      if (!session.closed && !session.destroyed && streams < LIMITS.egressStreamsPerConnectionMax) return connection;
    }
    return connect();
  };
  return {
    open: (request) => open(acquire, request),
    close() {
      for (const { session } of connections) session.destroy();
    },
  };
}

function open(acquire: () => Connection, request: CallRequest): EgressCall {
  let stream: http2.ClientHttp2Stream | undefined;
  let complete: (() => void) | undefined;
  let paused = false;
  let opened = false;
  let over = false;
  const settle = (): boolean => {
    if (over) return false;
    over = true;
    clearTimeout(timer);
    return true;
  };
  const end = (why: CallEnd): void => {
    if (!settle()) return;
    if (why !== 'ended') stream?.close(http2.constants.NGHTTP2_CANCEL);
    request.onEnd(why);
  };
  const timer = setTimeout(() => end('deadline'), request.deadlineMs);
  const start = (again: boolean): void => {
    const connection = acquire();
    let started: http2.ClientHttp2Stream;
    try {
      started = connection.session.request(callHeaders(request), { endStream: request.body === undefined });
    } catch {
      // A path or a header that no request can have, or a connection that just went.
      queueMicrotask(() => end('unreachable'));
      return;
    }
    connection.streams++;
    stream = started;
    if (paused) started.pause();
    started.on('response', (headers) => {
      if (over) return;
      opened = true;
      clearTimeout(timer);
      complete = receive(started, headers, request, () => over, end);
    });
    started.on('error', () => {});
    started.on('close', () => {
      connection.streams--;
      if (over || stream !== started) return;
      // "The REFUSED_STREAM error code … indicates that the stream is being closed prior to any processing" (RFC 9113 §8.7).
      if (again && !opened && started.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return start(false);
      // Only now is it known how it ended: of a stream that was reset, Node says first that it ended.
      if (complete !== undefined && started.rstCode === http2.constants.NGHTTP2_NO_ERROR) return complete();
      end(opened ? 'reset' : 'unreachable');
    });
    if (request.body !== undefined) started.end(request.body);
  };
  start(true);
  return {
    close() {
      if (settle()) stream?.close(http2.constants.NGHTTP2_CANCEL);
    },
    pause() {
      paused = true;
      stream?.pause();
    },
    resume() {
      paused = false;
      stream?.resume();
    },
  };
}

function callHeaders(request: CallRequest): http2.OutgoingHttpHeaders {
  const { cluster, path, sessionId, protocolVersion, headers, replica } = request;
  const { host: _, ...rest } = egressHeaders({
    cluster,
    path,
    idempotent: false,
    ...(sessionId !== undefined && { sessionId }),
    ...(protocolVersion !== undefined && { protocolVersion }),
    ...(headers !== undefined && { headers }),
    ...(replica !== undefined && { replica }),
  });
  return {
    ':method': request.method,
    ':path': path,
    ':authority': 'localhost',
    ...rest,
    ...(request.method === 'GET' ? { accept: 'text/event-stream' } : NO_HEADERS),
    ...(request.body === undefined
      ? NO_HEADERS
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(request.body)) }),
    ...(request.lastEventId === undefined ? NO_HEADERS : { 'last-event-id': request.lastEventId }),
  };
}

/** Gives events as they come; the result says that the answer is whole. */
function receive(
  stream: http2.ClientHttp2Stream,
  headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader,
  request: CallRequest,
  isOver: () => boolean,
  end: (why: CallEnd) => void,
): () => void {
  const { onEvent, eventBytesMax = LIMITS.backendAnswerBytesMax } = request;
  const status = headers[':status'] ?? 0;
  const contentType = mediaType(textOf(headers['content-type']));
  // Made when there is something to decode: it takes kilobytes, and most open streams are quiet.
  let reader: Utf8Reader | null = null;
  const isStream = status === 200 && contentType === 'text/event-stream';
  const isJson = contentType === 'application/json';
  const parser = isStream ? new SseParser(eventBytesMax) : null;
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    if (isOver()) return;
    reader ??= new Utf8Reader();
    const decoded = reader.read(chunk);
    if (parser === null) {
      if (!decoded.ok) return end(isJson ? 'malformed' : 'content_type');
      text += decoded.text;
      if (text.length > eventBytesMax) end('too_large');
      return;
    }
    for (const { data, id, retry } of parser.push(decoded.text)) {
      if (isOver()) return;
      onEvent({ data, ...(id !== null && { id }), ...(retry !== undefined && { retry }) });
    }
    if (parser.tooLarge) end('too_large');
    else if (!decoded.ok) end('malformed');
  });
  const replica = textOf(headers[HEADERS.replica]);
  request.onOpen({
    status,
    contentType,
    sessionId: textOf(headers[HEADERS.session]),
    ...(replica !== '' && { by: { replica, attempts: textOf(headers[HEADERS.attempts]) } }),
  });
  return () => {
    if (isOver()) return;
    if (isJson && text !== '') onEvent({ data: text });
    if (isOver()) return;
    end(isStream || isJson || (text === '' && status < 300) ? 'ended' : 'content_type');
  };
}

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}
