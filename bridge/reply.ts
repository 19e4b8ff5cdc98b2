// Decides how one HTTP request of the bridge is answered: as JSON, or as an event stream once something comes before the end.
import type { ServerResponse } from 'node:http';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { errorText } from '../core/mcp/json-rpc.ts';

export type ReplyHeaders = Readonly<Record<string, string>>;

const SSE_HEADERS: ReplyHeaders = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };
const EVENT_START = Buffer.from('event: message\ndata: ');
const EVENT_END = Buffer.from('\n\n');
const RETRY_AFTER_SECONDS = '1';

export class Reply {
  readonly #response: ServerResponse;
  readonly #stallMs: number;

  /** `stallMs`: a reader that takes nothing for so long is disconnected. */
  constructor(response: ServerResponse, stallMs: number) {
    this.#response = response;
    this.#stallMs = stallMs;
    // A reset connection is told by 'close'.
    response.on('error', () => {});
  }

  /** Nothing more can be sent: it is answered, or the client went away. */
  get over(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }

  /** Calls `handler` once, when the answer was sent or the client went away. */
  onClose(handler: () => void): void {
    if (this.#response.closed) queueMicrotask(handler);
    else this.#response.once('close', handler);
  }

  empty(status: number): void {
    if (this.over) return;
    this.#response.writeHead(status, { 'content-length': '0' }).end();
  }

  json(status: number, body: Buffer | string, headers: ReplyHeaders = {}): void {
    if (this.over) return;
    const length = String(Buffer.byteLength(body));
    this.#response
      .writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...headers })
      .end(body);
  }

  /** Opens the event stream, so that the client learns of it before the first event. */
  openStream(): void {
    if (this.over || this.#response.headersSent) return;
    this.#response.writeHead(200, SSE_HEADERS);
    this.#response.flushHeaders();
  }

  event(data: Buffer | string): void {
    this.openStream();
    if (this.over) return;
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    // One write: corked ones would report a need to drain that no 'drain' follows.
    this.#response.write(Buffer.concat([EVENT_START, bytes, EVENT_END]));
  }

  comment(text: string): void {
    if (!this.over) this.#response.write(`: ${text}\n\n`);
  }

  /** The message that ends it: the last event of a stream, or else the JSON body. */
  last(status: number, data: Buffer | string): void {
    if (!this.#response.headersSent) {
      this.json(status, data);
      return;
    }
    this.event(data);
    this.close();
  }

  fail(code: ErrorCode, idText: string, detail?: string): void {
    const row = ERRORS[code];
    const text = errorText(idText, row.rpc, detail === undefined ? row.message : `${row.message}: ${detail}`);
    if (this.#response.headersSent) {
      this.last(row.http, text);
      return;
    }
    const headers: Record<string, string> = {};
    if (code === 'backend_busy') headers['retry-after'] = RETRY_AFTER_SECONDS;
    if (code === 'method_not_allowed') headers.allow = 'GET, POST, DELETE';
    // The rest of these bodies is not worth reading.
    if (code === 'body_too_large' || code === 'body_timeout') headers.connection = 'close';
    this.json(row.http, text, headers);
  }

  /** Ends it without a message. */
  close(): void {
    this.openStream();
    if (!this.over) this.#response.end();
  }

  /** The reader has more before it than it takes: `handler` is called once when it took it or is gone. False: it keeps up. */
  whenFree(handler: () => void): boolean {
    const response = this.#response;
    const waiting = response.writableEnded
      ? response.writableLength > response.writableHighWaterMark
      : response.writableNeedDrain;
    if (!waiting || response.destroyed) return false;
    const stalled = setTimeout(() => response.destroy(), this.#stallMs);
    const free = (): void => {
      clearTimeout(stalled);
      for (const event of FREEING) response.off(event, free);
      handler();
    };
    for (const event of FREEING) response.on(event, free);
    return true;
  }
}

const FREEING = ['drain', 'finish', 'close'] as const;
