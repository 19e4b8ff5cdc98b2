// Decides how the MCP server of the discovery tests behaves at the edge that is faked: the egress listener's answers.
import type { JsonObject } from '../../../core/json.ts';
import type { EgressAnswer, EgressClient, EgressRequest } from '../../../core/mcp/egress.ts';

export interface Asked {
  readonly request: EgressRequest;
  /** '' for DELETE. */
  readonly method: string;
  readonly params: JsonObject;
  /** What the session's client declared. */
  readonly capabilities: JsonObject;
}

export type Reply = JsonObject | { readonly rpcError: JsonObject } | Extract<EgressAnswer, { ok: false }>;
/** By method; `modern` for all of the modern era. */
export type Script = Readonly<Record<string, (asked: Asked) => Reply | Promise<Reply>>>;

export interface ScriptedServer extends EgressClient {
  readonly asked: readonly Asked[];
  /** Sessions that nobody has ended. */
  sessions(): number;
  /** Whether anybody listens on the socket; a test says. */
  listens: boolean;
  /** How many found nobody. */
  turnedAway(): number;
  /** Before each request. */
  onSend: (sent: { readonly request: EgressRequest }) => void;
}

interface Sent {
  readonly method?: string;
  readonly params?: JsonObject;
  readonly id?: number;
}

/** A request of the modern era has no session. */
const isModern = (request: EgressRequest): boolean => request.protocolVersion === '2026-07-28';

export const initializeResult = (capabilities: JsonObject, rest: JsonObject = {}): JsonObject => ({
  protocolVersion: '2025-11-25',
  capabilities,
  serverInfo: { name: 'scripted', version: '1' },
  ...rest,
});

/** Answers by method; sessions are numbered. It refuses what breaks the protocol, so that every test checks that too. */
export function scriptedServer(script: Script): ScriptedServer {
  const asked: Asked[] = [];
  const sessions = new Map<string, JsonObject>();
  let count = 0;
  let turnedAway = 0;
  const server: ScriptedServer = {
    asked,
    listens: true,
    turnedAway: () => turnedAway,
    onSend: () => {},
    sessions: () => sessions.size,
    close: () => {},
    async send(request) {
      server.onSend({ request });
      if (!server.listens) {
        turnedAway += 1;
        return { ok: false, status: 0, why: 'unreachable', detail: 'connect ENOENT /run/egress.sock' };
      }
      const { method = '', params = {}, id } = JSON.parse(request.body ?? '{}') as Sent;
      const sessionId = method === 'initialize' ? `session-${++count}` : (request.sessionId ?? '');
      if (method === 'initialize') {
        if (request.sessionId) return status(400, 'initialize with a session');
        sessions.set(sessionId, (params.capabilities ?? {}) as JsonObject);
      } else if (isModern(request)) {
        const entry: Asked = { request, method, params, capabilities: {} };
        asked.push(entry);
        const reply = (await script.modern?.(entry)) ?? status(400, 'no such session');
        if ('ok' in reply && reply.ok === false) return reply as ReturnType<typeof status>;
        return message('rpcError' in reply ? { error: reply.rpcError as JsonObject } : { result: reply as JsonObject });
      } else if (!sessions.has(sessionId)) return status(404, 'no such session');
      else if (request.protocolVersion === undefined) return status(400, 'no protocol version');
      const entry: Asked = { request, method, params, capabilities: sessions.get(sessionId) ?? {} };
      asked.push(entry);
      if (request.method === 'DELETE') {
        sessions.delete(sessionId);
        await script.DELETE?.(entry);
        return { ok: true, status: 200, sessionId: '', message: null };
      }
      const reply = await script[method]?.(entry);
      // Who is refused has no session.
      if (method === 'initialize' && (reply === undefined || 'rpcError' in reply || 'ok' in reply))
        sessions.delete(sessionId);
      if (reply === undefined && id === undefined) return { ok: true, status: 202, sessionId: '', message: null };
      if (reply === undefined) return message({ error: { code: -32601, message: 'Method not found' } });
      if ('ok' in reply && reply.ok === false) return reply as Extract<EgressAnswer, { ok: false }>;
      return message('rpcError' in reply ? { error: reply.rpcError as JsonObject } : { result: reply as JsonObject });

      function message(outcome: JsonObject): EgressAnswer {
        return {
          ok: true,
          status: 200,
          sessionId: method === 'initialize' ? sessionId : '',
          message: { jsonrpc: '2.0', id: id ?? null, ...outcome },
        };
      }
    },
  };
  return server;
}

export function status(code: number, detail: string): Extract<EgressAnswer, { ok: false }> {
  return { ok: false, status: code, why: 'status', detail: `HTTP ${code}: ${detail}` };
}
