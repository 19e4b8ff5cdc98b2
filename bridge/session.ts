// Decides what happens in one session: one child, the calls it has not answered, the GET stream, and when all that ends.
import type { StdioServer } from '../core/catalog/catalog.ts';
import { jsonParam, type Message } from '../core/mcp/message.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { BridgeLimits } from './bounds.ts';
import { Child } from './child.ts';
import {
  asData,
  asLine,
  keyOfText,
  keyOfValue,
  negotiatedVersion,
  readChildLine,
  unreachableAnswer,
} from './child-message.ts';
import type { Reply } from './reply.ts';
import { type Call, Router } from './routing.ts';

export interface SessionContext {
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  readonly nodePath: string;
  readonly limits: BridgeLimits;
  readonly log: Logger;
  readonly now: () => number;
}

export interface SessionOptions {
  readonly id: string;
  readonly definition: StdioServer;
  readonly context: SessionContext;
  /** The child answered `initialize` with a result: the session exists from now on. */
  readonly onOpen: () => void;
  /** It takes nothing any more; its child may still be ending. */
  readonly onEnd: () => void;
}

type State = 'starting' | 'open' | 'draining' | 'ended';

export class Session {
  readonly id: string;
  readonly child: Child;
  /** As the child answered it; '' before. */
  version = '';
  readonly #options: SessionOptions;
  readonly #limits: BridgeLimits;
  readonly #log: Logger;
  readonly #router = new Router<Reply>();
  readonly #blocked = new Set<Reply>();
  #state: State = 'starting';
  #stream: Reply | null = null;
  #timer: NodeJS.Timeout | undefined;
  #drainTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #idleSinceMs: number | null = null;

  /** Since when nobody waits for it or listens to it; null while somebody does, or while it starts or ends. */
  get idleSinceMs(): number | null {
    return this.#state === 'open' ? this.#idleSinceMs : null;
  }

  /** Starts the child; `initialize` is the request that `reply` answers. */
  constructor(options: SessionOptions, initialize: Message, reply: Reply) {
    const { id, definition, context } = options;
    this.id = id;
    this.#options = options;
    this.#limits = context.limits;
    this.#log = context.log.child({ server: definition.server, version: definition.version });
    this.child = new Child({
      ...context,
      definition,
      log: this.#log,
      onLine: (line) => this.#onLine(line),
      onGone: (reason) => this.#onGone(reason),
    });
    const call = {
      key: keyOfText(initialize.idText),
      idText: initialize.idText,
      progress: null,
      streams: false,
      reply,
    };
    this.#router.open(call);
    // Without its answer nobody learns the session's id.
    reply.onClose(() => this.#state === 'starting' && this.end('the client left before it was initialized'));
    this.#timer = setTimeout(() => this.#startTimedOut(call), this.#limits.bridgeStartDeadlineMs);
    this.child.write(asLine(initialize.bytes));
  }

  /** A message of the client other than `initialize`. */
  post(message: Message, reply: Reply): void {
    if (this.#state === 'ended') {
      reply.fail('session_unknown', message.idText);
      return;
    }
    if (message.kind === 'request') {
      this.#request(message, reply);
      return;
    }
    if (!this.child.write(asLine(message.bytes))) {
      reply.fail('backend_busy', 'null', 'it does not read its input');
      return;
    }
    reply.empty(202);
    if (message.method === 'notifications/cancelled') this.#cancel(message);
    this.#settle();
  }

  /** The GET stream. */
  listen(reply: Reply): void {
    if (this.#state !== 'open') {
      reply.fail('session_unknown', 'null');
      return;
    }
    if (this.#stream !== null) {
      reply.fail('stream_taken', 'null');
      return;
    }
    this.#setStream(reply);
    reply.openStream();
    const keepAlive = setInterval(() => reply.comment('keep-alive'), this.#limits.streamKeepAliveMs);
    reply.onClose(() => {
      clearInterval(keepAlive);
      if (this.#stream === reply) this.#setStream(null);
      this.#settle();
    });
    this.#settle();
  }

  /** No new calls; ends when those in flight are answered, or after `graceMs`. */
  drain(graceMs: number): void {
    if (this.#state === 'ended' || this.#drainTimer !== undefined) return;
    if (this.#state === 'open') this.#state = 'draining';
    this.#drainTimer = setTimeout(() => this.end('its definition changed'), graceMs);
    this.#stream?.close();
    this.#setStream(null);
    this.#settle();
  }

  /** Whoever waits is told; the child is ended. */
  end(reason: string, graceMs = this.#limits.bridgeStopGraceMs): void {
    if (this.#state !== 'ended') {
      this.#state = 'ended';
      clearTimeout(this.#timer);
      clearTimeout(this.#drainTimer);
      for (const call of this.#router.clear()) call.reply.fail('backend_lost', call.idText, reason);
      this.#stream?.close();
      this.#log.info({ reason, dropped: this.#dropped }, 'session ended');
      this.#options.onEnd();
    }
    void this.child.stop(graceMs);
  }

  #request(message: Message, reply: Reply): void {
    const { idText } = message;
    if (this.#state !== 'open') {
      reply.fail('session_unknown', idText);
      return;
    }
    if (this.#router.size >= this.#limits.bridgeCallsMax) {
      reply.fail('backend_busy', idText, 'too many calls in flight');
      return;
    }
    const meta = jsonParam(message, '_meta') as { progressToken?: unknown } | null | undefined;
    const progress = keyOfValue(meta?.progressToken);
    const call: Call<Reply> = { key: keyOfText(idText), idText, progress, streams: true, reply };
    if (!this.#router.open(call)) {
      reply.fail('invalid_request', idText, 'a request with this id is in flight');
      return;
    }
    if (!this.child.write(asLine(message.bytes))) {
      this.#router.cancel(call.key);
      reply.fail('backend_busy', idText, 'it does not read its input');
      return;
    }
    reply.onClose(() => {
      this.#router.detach(call);
      this.#settle();
    });
    this.#settle();
  }

  #cancel(message: Message): void {
    const key = keyOfValue(jsonParam(message, 'requestId'));
    const call = key === null ? null : this.#router.cancel(key);
    call?.reply.close();
  }

  #onLine(line: Buffer): void {
    if (this.#state === 'ended') return;
    const message = readChildLine(line);
    if (message.kind === 'garbage') {
      this.child.childLog.line('stdout', line);
      return;
    }
    const destination = this.#router.route(message);
    if (destination.to === 'answer') {
      const { call } = destination;
      if (call.streams) call.reply.last(200, asData(line));
      else this.#onInitialized(line, message.kind === 'response' && message.failed, call);
      this.#hold(call.reply);
      this.#settle();
    } else if (destination.to === 'call') this.#send(destination.call.reply, line);
    else if (destination.to === 'stream' && this.#stream !== null) this.#send(this.#stream, line);
    else if (destination.to === 'child' && message.kind === 'request')
      this.#answerChild(message.idText, message.method);
    else this.#dropped++;
  }

  #onInitialized(line: Buffer, failed: boolean, call: Call<Reply>): void {
    clearTimeout(this.#timer);
    if (failed) {
      call.reply.json(200, asData(line));
      this.end('the child refused initialize');
      return;
    }
    this.version = negotiatedVersion(line);
    this.#state = this.#drainTimer === undefined ? 'open' : 'draining';
    this.#options.onOpen();
    call.reply.json(200, asData(line), { 'mcp-session-id': this.id });
  }

  #startTimedOut(call: Call<Reply>): void {
    call.reply.fail(
      'backend_start_timeout',
      call.idText,
      `no answer to initialize within ${this.#limits.bridgeStartDeadlineMs} ms`,
    );
    this.#log.error(
      { deadlineMs: this.#limits.bridgeStartDeadlineMs },
      'the child did not answer initialize in time: killed',
    );
    this.child.kill();
    this.end('it did not start in time');
  }

  #onGone(reason: string): void {
    if (this.#state === 'starting') {
      for (const call of this.#router.clear()) call.reply.fail('backend_start_failed', call.idText, reason);
    }
    this.end(reason);
  }

  #answerChild(idText: string, method: string): void {
    if (this.child.write(Buffer.from(`${unreachableAnswer(idText, method)}\n`))) return;
    this.#log.error('the child sends requests but does not read its input: killed');
    this.child.kill();
  }

  #send(reply: Reply, line: Buffer): void {
    reply.event(asData(line));
    this.#hold(reply);
  }

  /** A slow reader pauses the child, so that what waits here is bounded by a line and a pipe. */
  #hold(reply: Reply): void {
    if (this.#blocked.has(reply)) return;
    const blocked = reply.whenFree(() => {
      this.#blocked.delete(reply);
      if (this.#blocked.size === 0) this.child.resume();
    });
    if (!blocked) return;
    this.#blocked.add(reply);
    this.child.pause();
  }

  #setStream(reply: Reply | null): void {
    this.#stream = reply;
    this.#router.setStream(reply !== null);
  }

  /** After every change: a draining session without calls ends, one that nobody uses has a deadline. */
  #settle(): void {
    if (this.#state === 'draining' && this.#router.size === 0) {
      this.end('its definition changed');
      return;
    }
    if (this.#state !== 'open') return;
    clearTimeout(this.#timer);
    // A call whose client left does not hold a session: a child that never answers would hold it for ever.
    this.#idleSinceMs = null;
    if (this.#stream !== null || this.#router.attached().length > 0) return;
    this.#idleSinceMs = this.#options.context.now();
    this.#timer = setTimeout(() => this.end('idle'), this.#limits.bridgeIdleMs);
  }
}
