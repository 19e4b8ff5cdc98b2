// Decides how one backend's GET stream is kept open for a session: opened, opened again after a pause, or not at all.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallEvent, CallHead, EgressCall } from '../../core/mcp/egress-call.ts';
import type { SessionState } from '../../core/session/types.ts';
import { backendSession, openInto } from '../backend/lookup.ts';
import { lives } from '../backend/repair.ts';
import { backendVersion } from '../backend/version.ts';
import type { Gateway } from '../gateway.ts';

export interface UpstreamOptions {
  readonly gateway: Gateway;
  readonly session: SessionState;
  readonly version: ServerVersion;
  /** The backend's own; '' to hear of what happens from now on. */
  readonly lastEventId: string;
  readonly onEvent: (event: CallEvent) => void;
}

/** What a status means for the stream (MCP 2025-11-25, transports; 400: server-everything and older SDKs). */
const REFUSALS: Readonly<Record<number, 'none' | 'unknown'>> = {
  404: 'unknown',
  400: 'unknown',
  405: 'none',
  501: 'none',
};

/**
 * A class, and no closures beyond what the call needs: there is one for each open session and backend. Nothing that
 * happens here is an error of the client's.
 */
export class Upstream {
  readonly version: ServerVersion;
  readonly #options: UpstreamOptions;
  #lastEventId: string;
  #call: EgressCall | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pauseMs: number = LIMITS.upstreamRetryMinMs;
  /** What the backend asked for. */
  #retryMs = 0;
  #held = false;
  #closed = false;
  #begun = false;
  #ended = false;
  #status = 0;
  /** The session with which the last attempt was made, and whether the backend did not know it. */
  #sessionId = '';
  #lost = false;
  /** Until the backend answered the first attempt, or was given its time to. */
  #opening = true;
  #whenOpened: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.version = options.version;
    this.#lastEventId = options.lastEventId;
    this.#open();
  }

  /** With which the stream is open. */
  get sessionId(): string {
    return this.#sessionId;
  }

  /** The first attempt is under way; null once it is known how that went, or it took too long. */
  get opening(): Promise<void> | null {
    if (!this.#opening) return null;
    if (this.#whenOpened === null) {
      this.#whenOpened = Promise.withResolvers<void>();
      setTimeout(() => this.#settled(), LIMITS.upstreamOpeningMs).unref();
    }
    return this.#whenOpened.promise;
  }

  close(): void {
    this.#closed = true;
    this.#settled();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#call?.close();
    this.#call = null;
  }

  /** The client does not read. */
  pause(): void {
    this.#held = true;
    this.#call?.pause();
  }

  resume(): void {
    this.#held = false;
    this.#call?.resume();
  }

  #settled(): void {
    this.#opening = false;
    this.#whenOpened?.resolve();
    this.#whenOpened = null;
  }

  #open(): void {
    this.#timer = null;
    const { gateway, session, version } = this.#options;
    const known = this.#lost
      ? openInto(gateway, session, version, this.#sessionId, undefined)
      : backendSession(gateway, session, version);
    if (typeof known === 'string') return this.#listen(known);
    known.then(
      (sessionId) => this.#listen(sessionId),
      () => {
        this.#settled();
        this.#again();
      },
    );
  }

  #listen(sessionId: string): void {
    if (this.#closed) return;
    const { gateway, session, version } = this.#options;
    this.#sessionId = sessionId;
    this.#lost = false;
    this.#begun = false;
    this.#ended = false;
    this.#status = 0;
    const call = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'GET',
      sessionId,
      protocolVersion: backendVersion(version, session),
      ...(this.#lastEventId !== '' && { lastEventId: this.#lastEventId }),
      deadlineMs: LIMITS.upstreamHeadDeadlineMs,
      onOpen: (head) => this.#opened(head),
      onEvent: (event) => this.#event(event),
      onEnd: () => this.#end(),
    });
    this.#call = call;
    if (this.#held) call.pause();
  }

  #opened({ status, contentType }: CallHead): void {
    this.#settled();
    this.#status = status;
    this.#begun = status === 200 && contentType === 'text/event-stream';
    if (this.#begun) return;
    // Its body says nothing to us.
    this.#call?.close();
    this.#end();
  }

  #event(event: CallEvent): void {
    if (!this.#begun || this.#closed) return;
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.retry !== undefined) this.#retryMs = Math.min(event.retry, LIMITS.upstreamRetryMaxMs);
    if (event.data !== '') this.#pauseMs = LIMITS.upstreamRetryMinMs;
    this.#options.onEvent(event);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settled();
    this.#call = null;
    if (this.#closed) return;
    const refusal = this.#begun ? undefined : REFUSALS[this.#status];
    // "or else return HTTP 405 Method Not Allowed, indicating that the server does not offer an SSE stream at this endpoint."
    if (refusal === 'none' || (!this.#begun && this.#status >= 200 && this.#status < 300)) return this.close();
    if (refusal === 'unknown') return this.#unknown();
    this.#again();
  }

  /** The event, the session, or that there is anything at all behind a GET. */
  #unknown(): void {
    if (this.#lastEventId !== '') {
      this.#lastEventId = '';
      return this.#again();
    }
    if (this.#sessionId === '') return this.close();
    const { gateway, session, version } = this.#options;
    // A session that answers is kept, with all that its server remembers.
    lives(gateway, version, this.#sessionId, backendVersion(version, session)).then((alive) => {
      if (alive) return this.close();
      this.#lost = true;
      this.#again();
    });
  }

  /** A pause that doubles until something is heard. */
  #again(): void {
    if (this.#closed) return;
    const { gateway, session, version } = this.#options;
    gateway.log.debug(
      { server: version.name, session: session.tokenId, status: this.#status },
      'a stream of a backend ended, and is opened again',
    );
    const pauseMs = Math.max(this.#pauseMs, this.#begun ? this.#retryMs : 0);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LIMITS.upstreamRetryMaxMs);
    this.#timer = setTimeout(() => this.#open(), pauseMs).unref();
  }
}
