// Decides how a call that ext-proc makes itself is answered: message by message as the backend sends them, each one transformed.
import type { Exposed } from '../../core/catalog/exposure.ts';
import { ChanceryError, ERRORS, type ErrorCode } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallEnd, CallEvent, CallHead, EgressCall } from '../../core/mcp/egress-call.ts';
import { errorText, errorTextFor } from '../../core/mcp/json-rpc.ts';
import { type Message, messagesIn, parseMessage } from '../../core/mcp/message.ts';
import type { Decision } from '../../core/policy/types.ts';
import { withRecord } from '../call-record.ts';
import type { Gateway } from '../gateway.ts';
import { type Outcome, refuse } from '../outcome.ts';
import type { StreamSink } from '../streams/table.ts';
import { EVENTS, eventText, jsonOrEvents } from './event-text.ts';
import { refusalText } from './refusal-text.ts';
import type { Underway } from './underway.ts';

/** What the client gets of one message of the answer: JSON texts, in order; none: nothing. */
export type MessageTransform = (message: Message) => readonly string[];

export interface ComposedCall {
  readonly gateway: Gateway;
  /** Raw JSON of the request's id: whose response ends the answer. */
  readonly idText: string;
  readonly exposed: Exposed;
  readonly decision: Decision;
  /** As `initialize` returned it; '' for none. */
  readonly backendSession: string;
  readonly protocolVersion: string;
  readonly body: string | Buffer;
  /** Further request headers, lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Made for the backend session that the call is made on: a repaired call has another. */
  readonly transform: (backendSession: string) => MessageTransform;
  /** The client's id for an event; null: it gets none. Absent: none. */
  readonly eventId?: (id: string) => string | null;
  /** Headers of the answer. */
  readonly answerHeaders?: readonly (readonly [name: string, value: string])[];
  /**
   * Another session in place of one that the backend does not know, as its answer says. Null: it lives, so the answer is the
   * answer. Absent: there are no sessions.
   * @throws ChanceryError
   */
  readonly repair?: (dead: string) => Promise<string | null>;
  /** The session whose client may cancel the call. Absent: it cancels by leaving. */
  readonly tokenId?: string;
}

/** What servers answer to a session that they do not know: MCP demands 404; server-everything and older ones say 400. */
const SESSION_LOST: readonly number[] = [404, 400];
/** To a client these would speak of its own token and its own session; as errors of the call they are the backend's. */
const NOT_THE_CLIENTS: readonly number[] = [401, 403, 404];

/** Of an answer that is no response to the call, by how it ended: whose fault it was, and whether to come back. */
const FAULTS: Readonly<Record<CallEnd, ErrorCode>> = {
  ended: 'backend_malformed',
  content_type: 'backend_malformed',
  malformed: 'backend_malformed',
  too_large: 'backend_malformed',
  reset: 'backend_lost',
  unreachable: 'backend_unavailable',
  deadline: 'backend_unavailable',
};

/**
 * The answer has the form that the backend gave it: JSON, or a stream of events. A client that leaves closes the backend's
 * stream as well: in the legacy era that "SHOULD NOT be interpreted as the client cancelling its request" (2025-11-25,
 * transports), in the modern one it is the cancellation.
 */
export function composeCall(call: ComposedCall): Outcome {
  return {
    kind: 'pending',
    start: (settle) => {
      const composed = new Composed(call, settle);
      composed.begin(call.backendSession, true);
      return () => composed.leave();
    },
  };
}

class Composed {
  readonly #call: ComposedCall;
  readonly #settle: (outcome: Outcome) => void;
  #upstream: EgressCall | null = null;
  #transform: MessageTransform = () => [];
  #sink: StreamSink | null = null;
  #head: CallHead | null = null;
  /** What came before the sink was there; of a JSON answer its only message. */
  #answered: readonly string[] | null = null;
  #resumable = false;
  #done = false;
  #tail: NodeJS.Timeout | null = null;
  readonly #underway: Underway | null;

  constructor(call: ComposedCall, settle: (outcome: Outcome) => void) {
    const { exposed, decision, tokenId, idText, gateway } = call;
    this.#call = call;
    this.#settle = (outcome) => settle(withRecord(outcome, { lane: 'composed', exposed, decision }, this.#head));
    const { cluster } = exposed.version;
    this.#underway = tokenId === undefined ? null : { tokenId, idText, cluster, cancelled: () => this.#cancelled() };
    if (this.#underway !== null) gateway.underway.add(this.#underway);
  }

  begin(backendSession: string, repairable: boolean): void {
    const { exposed, protocolVersion, body, headers, gateway } = this.#call;
    const { version } = exposed;
    this.#transform = this.#call.transform(backendSession);
    this.#head = null;
    this.#answered = null;
    this.#upstream = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      sessionId: backendSession,
      protocolVersion,
      body,
      headers,
      deadlineMs: LIMITS.streamIdleMs,
      onOpen: (head) => this.#onOpen(head),
      onEvent: (event) => this.#guarded(event),
      onEnd: (why) => this.#onEnd(why, backendSession, repairable),
    });
  }

  leave(): void {
    this.#finish();
    if (this.#tail !== null) clearTimeout(this.#tail);
    this.#upstream?.close();
  }

  /** "The receiver SHOULD NOT send a response for the cancelled request" (MCP 2025-11-25): the stream ends without one. */
  #cancelled(): void {
    if (this.#done) return;
    this.#finish();
    this.#upstream?.close();
    if (this.#sink !== null) return this.#sink.end();
    const open = (sink: StreamSink): (() => void) => {
      sink.end();
      return () => {};
    };
    this.#settle({ kind: 'stream', headers: EVENTS, open });
  }

  #onOpen(head: CallHead): void {
    this.#head = head;
    if (head.status !== 200 || head.contentType !== 'text/event-stream') return;
    const headers = [...EVENTS, ...(this.#call.answerHeaders ?? [])];
    const open = (sink: StreamSink): (() => void) => {
      this.#sink = sink;
      return () => this.leave();
    };
    const bound = { bytesMax: LIMITS.composedAnswerBytesMax, lastWords: () => this.#lastWords() };
    this.#settle({ kind: 'stream', headers, open, bound });
  }

  /** Where its events have ids its client comes back for the rest. */
  #lastWords(): string {
    if (this.#resumable) return '';
    this.#log('warn', {}, 'an answer was too long');
    return eventText(errorTextFor('answer_too_large', this.#call.idText), null, undefined);
  }

  /** It is called from a socket: what is thrown here would end the process and everybody's calls. */
  #guarded(event: CallEvent): void {
    try {
      this.#onEvent(event);
    } catch (error) {
      this.#call.gateway.log.error(
        { err: error, server: this.#call.exposed.version.name },
        'an answer could not be composed',
      );
      this.#upstream?.close();
      if (this.#sink !== null) this.#brokeOff('malformed');
      else if (!this.#done) this.#refuse('backend_unavailable');
    }
  }

  #onEvent(event: CallEvent): void {
    if (this.#done) return;
    const id = event.id === undefined ? null : (this.#call.eventId?.(event.id) ?? null);
    if (id !== null) this.#resumable = true;
    // A priming event: "consisting of an event ID and an empty data field in order to prime the client to reconnect".
    if (event.data === '') return this.#write(id === null ? '' : eventText('', id, event.retry));
    const texts: string[] = [];
    let mine = false;
    for (const bytes of messagesIn(event.data)) {
      const parsed = parseMessage(bytes);
      const isMine = parsed.ok && parsed.message.kind === 'response' && parsed.message.idText === this.#call.idText;
      mine ||= isMine;
      if (parsed.ok && (isMine || parsed.message.kind !== 'response')) texts.push(...this.#transform(parsed.message));
      else this.#onForeign(bytes, parsed.ok ? 'a response to another request' : parsed.code);
    }
    if (this.#sink === null) {
      if (mine) this.#answered = texts;
      return;
    }
    texts.forEach((text, index) => {
      // The id is of the last: who comes back with it has had them all.
      const last = index === texts.length - 1;
      this.#write(eventText(text, last ? id : null, last ? event.retry : undefined));
    });
    if (mine) this.#end();
  }

  #onForeign(bytes: Buffer, why: string): void {
    const refusal = this.#sink === null ? refusalText(bytes, this.#call.idText) : null;
    if (refusal !== null) this.#answered = [refusal];
    else this.#log('warn', { why }, 'a message of a backend was dropped');
  }

  #write(text: string): void {
    const sink = this.#sink;
    if (sink === null || text === '') return;
    sink.write(text);
    if (sink.onDrain === undefined || sink.pendingBytes() <= LIMITS.composedPendingBytesMax) return;
    this.#upstream?.pause();
    sink.onDrain(() => this.#upstream?.resume());
  }

  /** "The server SHOULD terminate the SSE stream" after the response: it is given the time to, and its connection lives on. */
  #end(): void {
    this.#finish();
    const sink = this.#sink;
    this.#sink = null;
    this.#upstream?.resume();
    this.#tail = setTimeout(() => this.#upstream?.close(), LIMITS.composedTailMs).unref();
    sink?.end();
  }

  #onEnd(why: CallEnd, backendSession: string, repairable: boolean): void {
    if (this.#tail !== null) clearTimeout(this.#tail);
    if (this.#done) return;
    if (this.#sink !== null) return this.#brokeOff(why);
    const status = this.#head?.status ?? 0;
    if (repairable && SESSION_LOST.includes(status) && this.#call.repair !== undefined) {
      return this.#repair(backendSession, this.#call.repair, why);
    }
    this.#answer(why);
  }

  /** The stream had begun: what is left to say is said on it. */
  #brokeOff(why: CallEnd): void {
    const { idText, exposed } = this.#call;
    const sink = this.#sink;
    this.#finish();
    // "The server MAY close the connection … without terminating the SSE stream": its client comes back for the rest.
    if (why !== 'ended' || !this.#resumable) {
      this.#log('warn', { why }, 'a backend broke off its answer');
      // A stream that ended without the response did not say anything wrong: the server, or its call, went.
      const { rpc, message } = ERRORS[why === 'ended' ? 'backend_lost' : FAULTS[why]];
      sink?.write(eventText(errorText(idText, rpc, `${message}: ${exposed.version.name}`), null, undefined));
    }
    sink?.end();
  }

  #repair(dead: string, repair: (dead: string) => Promise<string | null>, why: CallEnd): void {
    repair(dead).then(
      (fresh) => {
        if (this.#done) return;
        if (fresh === null) this.#answer(why);
        else this.begin(fresh, false);
      },
      (error: unknown) => {
        if (this.#done) return;
        const detail = error instanceof ChanceryError ? error.detail : undefined;
        this.#log('warn', { err: error }, 'a call could not be repeated');
        this.#refuse('backend_unavailable', detail);
      },
    );
  }

  /** The backend answered without a stream, or not at all. */
  #answer(why: CallEnd): void {
    const answered = this.#answered;
    const status = this.#head?.status ?? 0;
    if (why === 'ended' && answered !== null && answered.length > 0) {
      this.#finish();
      const shown = NOT_THE_CLIENTS.includes(status) ? 200 : status;
      return this.#settle(jsonOrEvents(shown, answered, this.#call.answerHeaders ?? []));
    }
    this.#log('warn', { why, status }, 'a backend did not answer a call');
    // A refusal without a message of MCP may be of anything on the way, e.g. Envoy's own where nobody listens.
    this.#refuse(status >= 300 ? 'backend_unavailable' : FAULTS[why]);
  }

  #refuse(code: ErrorCode, detail = this.#call.exposed.version.name): void {
    this.#finish();
    this.#settle(refuse({ code, detail }, this.#call.idText));
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#underway !== null) this.#call.gateway.underway.remove(this.#underway);
  }

  #log(level: 'warn' | 'debug', members: object, sentence: string): void {
    const { gateway, exposed } = this.#call;
    const { version } = exposed;
    gateway.log[level]({ server: version.name, version: version.version, ...members }, sentence);
  }
}
