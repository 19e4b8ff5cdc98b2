// Decides which session of one stdio server an HTTP request belongs to, or that it starts one.
import http from 'node:http';
import type { StdioServer } from '../core/catalog/catalog.ts';
import { type Message, parseMessage } from '../core/mcp/message.ts';
import { readBody } from './body.ts';
import type { Child } from './child.ts';
import { Reply } from './reply.ts';
import { refusalOf, sessionIdOf, versionRefusal } from './request-checks.ts';
import { Session, type SessionContext } from './session.ts';
import { listenOnSocket } from './socket.ts';
import { within } from './within.ts';

export interface EndpointContext extends SessionContext {
  readonly randomId: () => string;
  /** Children of the whole bridge, those that are ending among them. */
  readonly children: Set<Child>;
  /** Sessions of the whole bridge. */
  readonly sessions: Set<Session>;
}

/** One server version on one socket. */
export class Endpoint {
  readonly #context: EndpointContext;
  readonly #server: http.Server;
  readonly #sessions = new Set<Session>();
  readonly #byId = new Map<string, Session>();
  #definition: StdioServer;
  #stopped = false;

  constructor(definition: StdioServer, context: EndpointContext) {
    this.#definition = definition;
    this.#context = context;
    // An event stream lasts as long as its session. Envoy owns the connections: closing one while it sends costs a call.
    this.#server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (request, response) => {
      const reply = new Reply(response, context.limits.bridgeStallMs);
      this.#handle(request, reply).catch((error: unknown) => {
        context.log.error({ err: error, server: this.#definition.server }, 'the bridge failed on a request');
        reply.fail('internal', 'null');
      });
    });
    this.#server.timeout = 0;
    this.#server.maxConnections = context.limits.bridgeConnectionsMax;
  }

  get definition(): StdioServer {
    return this.#definition;
  }

  listen(): Promise<void> {
    return listenOnSocket(this.#server, this.#definition.socket, this.#context.limits.socketPathBytesMax);
  }

  /** New sessions get the new definition; those of the old one end when their calls are answered. */
  replace(definition: StdioServer): void {
    this.#definition = definition;
    for (const session of this.#sessions) session.drain(this.#context.limits.bridgeDrainMs);
  }

  /** Gives the socket up at once; resolves when all sessions and their children have ended, or after about `graceMs`. */
  async stop(drainMs: number, graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#server.close();
    const children = [...this.#sessions].map((session) => session.child.ended);
    for (const session of this.#sessions) {
      if (drainMs > 0) session.drain(drainMs);
      else session.end('the bridge stops', graceMs);
    }
    await within(Promise.all(children), drainMs + graceMs);
    this.#server.closeAllConnections();
  }

  async #handle(request: http.IncomingMessage, reply: Reply): Promise<void> {
    const { headers, method = '', url = '' } = request;
    const refusal = refusalOf(method, url, headers);
    if (refusal !== null) return reply.fail(refusal.code, 'null', refusal.detail);
    if (method === 'POST') return this.#post(request, reply);
    const session = this.#byId.get(sessionIdOf(headers));
    if (session === undefined) return reply.fail('session_unknown', 'null');
    const wrongVersion = versionRefusal(headers, session.version);
    if (wrongVersion !== null) return reply.fail(wrongVersion.code, 'null');
    if (method === 'GET') return session.listen(reply);
    session.end('the client ended it');
    reply.empty(200);
  }

  async #post(request: http.IncomingMessage, reply: Reply): Promise<void> {
    const { limits } = this.#context;
    const body = await readBody(request, limits.bodyBytesMax, limits.bodyDeadlineMs);
    if ('left' in body) return;
    if ('refused' in body) return reply.fail(body.refused, 'null');
    const parsed = parseMessage(body.bytes);
    if (!parsed.ok) return reply.fail(parsed.code, parsed.idText, parsed.detail);
    const { message } = parsed;
    const starts = message.kind === 'request' && message.method === 'initialize';
    const sessionId = sessionIdOf(request.headers);
    const session = this.#byId.get(sessionId);
    const wrongVersion = versionRefusal(request.headers, session?.version ?? '');
    if (wrongVersion !== null) return reply.fail(wrongVersion.code, message.idText);
    if (sessionId === '') return starts ? this.#start(message, reply) : reply.fail('session_required', message.idText);
    if (session === undefined) return reply.fail('session_unknown', message.idText);
    if (starts) return reply.fail('invalid_request', message.idText, 'the session is initialized already');
    session.post(message, reply);
  }

  async #start(initialize: Message, reply: Reply): Promise<void> {
    const { children, limits, log, randomId } = this.#context;
    if (children.size >= limits.bridgeChildrenMax) await this.#makeRoom();
    // A connection that was open before the socket was given up.
    if (this.#stopped) {
      reply.fail('backend_unavailable', initialize.idText);
      return;
    }
    if (children.size >= limits.bridgeChildrenMax) {
      log.warn({ childrenMax: limits.bridgeChildrenMax, server: this.#definition.server }, 'no room for another child');
      reply.fail('backend_busy', initialize.idText, 'too many sessions');
      return;
    }
    const id = randomId();
    const session: Session = new Session(
      {
        id,
        definition: this.#definition,
        context: this.#context,
        onOpen: () => this.#byId.set(id, session),
        onEnd: () => {
          this.#byId.delete(id);
          this.#sessions.delete(session);
          this.#context.sessions.delete(session);
        },
      },
      initialize,
      reply,
    );
    this.#sessions.add(session);
    this.#context.sessions.add(session);
    children.add(session.child);
    void session.child.ended.then(() => children.delete(session.child));
  }

  /**
   * A session that nobody uses gives way to one that somebody wants: a client that left without DELETE would otherwise
   * keep everybody out until it idles out. One that comes back is 404 here, and the gateway opens it again.
   */
  async #makeRoom(): Promise<void> {
    const { sessions, limits, log, now } = this.#context;
    let longest: Session | null = null;
    for (const session of sessions) {
      if (session.idleSinceMs === null || now() - session.idleSinceMs < limits.bridgeYieldMs) continue;
      if (longest === null || session.idleSinceMs < (longest.idleSinceMs ?? 0)) longest = session;
    }
    if (longest === null) return;
    log.info({ idleMs: Math.round(now() - (longest.idleSinceMs ?? 0)) }, 'an idle session gives way to a new one');
    longest.end('it gave way to a new session');
    await within(longest.child.ended, limits.bridgeStopGraceMs);
  }
}
