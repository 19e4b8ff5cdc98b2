// Decides how our own processes call a backend: through Envoy's egress listener, so that breakers, retries and credentials apply.
import http from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { HEADERS } from '../contract.ts';
import { isObject, type JsonObject, parseExact } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { sealEnvelope } from './envelope.ts';
import { mediaType } from './media-type.ts';
import { SseParser } from './sse.ts';

export interface EgressRequest {
  readonly cluster: string;
  readonly path: string;
  readonly method: 'POST' | 'DELETE';
  /** As `initialize` through the same listener returned it; '' or absent for none. */
  readonly sessionId?: string;
  /** Go to this replica (an address as Envoy prints it) without a session; for `initialize`. */
  readonly replica?: string;
  readonly protocolVersion?: string;
  /** The JSON-RPC message; absent for DELETE. */
  readonly body?: string;
  /** It may be repeated whatever happened to it (lists, initialize). */
  readonly idempotent: boolean;
  readonly deadlineMs: number;
  /** Further request headers, lower case; e.g. a traceparent. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type EgressAnswer =
  /**
   * `message` is the JSON-RPC response; null when there was none (202, DELETE). `sessionId` is '' without header.
   * `eventIds`: it came in a stream whose events have ids.
   */
  | {
      readonly ok: true;
      readonly status: number;
      readonly sessionId: string;
      readonly message: JsonObject | null;
      readonly eventIds?: true;
    }
  | {
      readonly ok: false;
      readonly status: number;
      readonly why: 'unreachable' | 'deadline' | 'status' | 'content_type' | 'too_large' | 'malformed' | 'no_answer';
      readonly detail: string;
      /** With `status`: the JSON-RPC error that the answer's body was. */
      readonly error?: JsonObject;
    };

export interface EgressClient {
  /** Total: every failure is a value. */
  send(request: EgressRequest): Promise<EgressAnswer>;
  close(): void;
}

/** A client of the egress listener on the Unix socket `socketPath`. */
export function createEgressClient(socketPath: string): EgressClient {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 64 });
  return {
    send: (request) => send(agent, socketPath, request),
    close: () => agent.destroy(),
  };
}

function send(agent: http.Agent, socketPath: string, request: EgressRequest): Promise<EgressAnswer> {
  return new Promise((resolve) => {
    const headers = egressHeaders(request);
    let settled = false;
    let call: http.ClientRequest;
    try {
      call = http.request({ agent, socketPath, path: request.path, method: request.method, headers });
    } catch (error) {
      // A path or a header that no request can have.
      return resolve({ ok: false, status: 0, why: 'unreachable', detail: (error as Error).message });
    }
    const timer = setTimeout(
      () => finish({ ok: false, status: 0, why: 'deadline', detail: `no answer within ${request.deadlineMs} ms` }),
      request.deadlineMs,
    );
    const finish = (answer: EgressAnswer, keepSocket = false): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (!keepSocket) call.destroy();
      resolve(answer);
    };
    call.on('error', (error) => finish({ ok: false, status: 0, why: 'unreachable', detail: error.message }));
    call.on('response', (response) => receive(response, finish));
    call.end(request.body);
  });
}

/** What Envoy and the backend are told of a request. */
export function egressHeaders(request: Omit<EgressRequest, 'method' | 'deadlineMs'>): Record<string, string> {
  const headers: Record<string, string> = {
    ...request.headers,
    host: 'localhost',
    [HEADERS.cluster]: request.cluster,
    accept: 'application/json, text/event-stream',
  };
  if (request.idempotent) headers[HEADERS.idempotent] = '1';
  if (request.sessionId) headers[HEADERS.session] = request.sessionId;
  else if (request.replica !== undefined) {
    // Envoy reads no envelope around nothing; the route takes the header away.
    headers[HEADERS.session] = sealEnvelope(request.replica, 'fresh');
    headers[HEADERS.fresh] = '1';
  }
  if (request.protocolVersion !== undefined) headers[HEADERS.protocolVersion] = request.protocolVersion;
  if (request.body !== undefined) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(Buffer.byteLength(request.body));
  }
  return headers;
}

function receive(response: http.IncomingMessage, finish: (answer: EgressAnswer, keepSocket?: boolean) => void): void {
  const status = response.statusCode ?? 0;
  const sessionId = headerOf(response, HEADERS.session);
  const type = mediaType(headerOf(response, 'content-type'));
  const ok = status >= 200 && status < 300;
  const fail = (why: Extract<EgressAnswer, { ok: false }>['why'], detail: string): void =>
    finish({ ok: false, status, why, detail });
  let eventIds = false;
  const answer = (message: JsonObject | null, keepSocket: boolean): void =>
    finish({ ok: true, status, sessionId, message, ...(eventIds && { eventIds }) }, keepSocket);
  const decoder = new StringDecoder('utf8');
  let bytes = 0;
  const tooLarge = (chunk: Buffer): boolean => {
    bytes += chunk.length;
    return bytes > LIMITS.backendAnswerBytesMax;
  };
  response.on('error', (error) => fail('unreachable', error.message));
  if (ok && type === 'text/event-stream') {
    const parser = new SseParser(LIMITS.backendAnswerBytesMax);
    response.on('data', (chunk: Buffer) => {
      if (tooLarge(chunk)) return fail('too_large', `more than ${LIMITS.backendAnswerBytesMax} bytes`);
      for (const event of parser.push(decoder.write(chunk))) {
        const message = parseObject(event.data);
        eventIds ||= event.id !== null && event.id !== '';
        // Requests and notifications of the server may come first; the answer to our one request is the response.
        if (message !== null && ('result' in message || 'error' in message)) return answer(message, false);
      }
      if (parser.tooLarge) fail('too_large', `an event of more than ${LIMITS.backendAnswerBytesMax} characters`);
    });
    response.on('end', () => fail('no_answer', 'the event stream ended without a response'));
    return;
  }
  let text = '';
  response.on('data', (chunk: Buffer) => {
    if (tooLarge(chunk)) return fail('too_large', `more than ${LIMITS.backendAnswerBytesMax} bytes`);
    text += decoder.write(chunk);
  });
  response.on('end', () => {
    if (!ok) {
      const error = type === 'application/json' ? parseObject(text)?.error : undefined;
      const detail = `HTTP ${status}: ${text.slice(0, 200)}`;
      return finish({ ok: false, status, why: 'status', detail, ...(isObject(error) ? { error } : {}) });
    }
    if (text === '') return answer(null, true);
    if (type !== 'application/json')
      return fail('content_type', `found "${type}", wanted application/json or text/event-stream`);
    const message = parseObject(text);
    if (message === null) return fail('malformed', 'the body is not a JSON object');
    return answer(message, true);
  });
}

/** '' when there is none, or several. */
export function headerOf(response: http.IncomingMessage, name: string): string {
  const value = response.headers[name];
  return typeof value === 'string' ? value : '';
}

/** Numbers are as they were written. null for what is no JSON object. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value = parseExact(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
