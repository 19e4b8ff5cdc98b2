// Decides how the control plane talks to a server while it reads it: one MCP session of the legacy era, within one deadline.

import { HEADERS } from '../../core/contract.ts';
import { ERRORS } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressAnswer, EgressClient, EgressRequest } from '../../core/mcp/egress.ts';
import { LATEST_LEGACY_VERSION, LEGACY_VERSIONS } from '../../core/mcp/versions.ts';
import { causeOf } from './cause.ts';

export interface ReadTarget {
  readonly server: string;
  readonly version: string;
  /** The Envoy cluster. */
  readonly cluster: string;
  /** Path of the MCP endpoint. */
  readonly path: string;
}

export interface SessionOptions {
  readonly egress: EgressClient;
  readonly target: ReadTarget;
  readonly nowMs: () => number;
  /** Nothing is asked after this. */
  readonly endMs: number;
}

/**
 * A result, or why there is none; -32601 is told apart, as a server may announce more than it has. `refused`: the server
 * itself said no, so that asking again will not help.
 */
export type Answer =
  | { readonly ok: true; readonly result: JsonObject }
  | { readonly ok: false; readonly unknownMethod: boolean; readonly refused: boolean; readonly error: string };

export interface NoSession {
  readonly error: string;
  readonly refused: boolean;
}

export interface Session {
  /** '' for none. */
  readonly sessionId: string;
  readonly protocolVersion: string;
  /** The result of `initialize`. */
  readonly initialized: JsonObject;
  /** Whether events of its answers had ids so far. */
  readonly eventIds: boolean;
  request(method: string, params: JsonObject): Promise<Answer>;
  /** Gives the server an answer to what it asked. Whether it took it does not matter. */
  respond(id: unknown, outcome: JsonObject): Promise<void>;
  close(): Promise<void>;
}

/** Lists of the first version are those of the later ones, and servers on standard input and output still speak it. */
const VERSIONS: readonly string[] = ['2024-11-05', ...LEGACY_VERSIONS];
export const CLIENT_INFO = { name: 'chancery', title: 'Chancery discovery', version: '0.1.0' };

/** Initializes a session as a client with these capabilities, which asks for this version. Total. */
export async function openSession(
  options: SessionOptions,
  capabilities: JsonObject,
  version: string = LATEST_LEGACY_VERSION,
): Promise<Session | NoSession> {
  const { egress, target, nowMs, endMs } = options;
  let sessionId = '';
  let protocolVersion: string | undefined;
  let id = 0;
  let eventIds = false;

  const send = (message: JsonObject | undefined, deadlineMs: number): ReturnType<EgressClient['send']> => {
    const request: EgressRequest = {
      cluster: target.cluster,
      path: target.path,
      method: message === undefined ? 'DELETE' : 'POST',
      sessionId,
      ...(protocolVersion === undefined ? {} : { protocolVersion }),
      ...(message === undefined ? {} : { body: JSON.stringify({ jsonrpc: '2.0', ...message }) }),
      // What a server of the later era wants of each request, and no other minds (MCP 2026-07-28, transports).
      ...(typeof message?.method === 'string' && { headers: { [HEADERS.method]: message.method } }),
      idempotent: true,
      deadlineMs,
    };
    return egress.send(request);
  };

  const request = async (method: string, params: JsonObject): Promise<Answer> => {
    const leftMs = endMs - nowMs();
    if (leftMs <= 0) return failed(`${method}: no answer within ${LIMITS.discoveryDeadlineMs} ms`, false);
    id += 1;
    const answer = await send({ id, method, params }, leftMs);
    if (!answer.ok) return failed(`${method}: ${causeOf(answer, target.path)}`, isRefusal(answer));
    eventIds ||= answer.eventIds === true;
    if (method === 'initialize') sessionId = answer.sessionId;
    return outcomeOf(method, answer);
  };

  const respond = async (asked: unknown, outcome: JsonObject): Promise<void> => {
    await send({ id: asked as JsonObject['id'], ...outcome } as JsonObject, LIMITS.discoveryProbeDeadlineMs);
  };

  // What a server keeps for a session that nobody ends is its own memory: worth a moment beyond the deadline.
  const close = async (): Promise<void> => {
    if (sessionId !== '') await send(undefined, LIMITS.probeDeadlineMs);
  };
  const give = async (error: string, refused: boolean): Promise<NoSession> => {
    await close();
    return { error, refused };
  };

  const hello = { protocolVersion: version, capabilities, clientInfo: CLIENT_INFO };
  const initialized = await request('initialize', hello);
  if (!initialized.ok) return give(initialized.error, initialized.refused);
  const found = initialized.result.protocolVersion;
  if (typeof found !== 'string' || !VERSIONS.includes(found)) {
    const wanted = VERSIONS.join(', ');
    return give(`initialize: found protocol version ${JSON.stringify(found)}, wanted one of ${wanted}`, true);
  }
  protocolVersion = found;
  const ready = await send({ method: 'notifications/initialized' }, Math.max(1, endMs - nowMs()));
  if (!ready.ok) return give(`notifications/initialized: ${causeOf(ready, target.path)}`, isRefusal(ready));
  return {
    sessionId,
    protocolVersion: found,
    initialized: initialized.result,
    get eventIds() {
      return eventIds;
    },
    request,
    respond,
    close,
  };
}

/** 401, 403, 408 and 429 are about us and about now; everything below 500 that is left is the server's own answer. */
const NOT_OF_THE_SERVER = [401, 403, 408, 429];

/** Whether an answer tells what the server can do, and not what is wrong on the way to it. */
export function isRefusal({ why, status }: Extract<EgressAnswer, { ok: false }>): boolean {
  if (why === 'status') return status < 500 && !NOT_OF_THE_SERVER.includes(status);
  return why === 'content_type' || why === 'malformed' || why === 'no_answer';
}

/** What a response says: its result, or its error. */
export function outcomeOf(method: string, { message }: Extract<EgressAnswer, { ok: true }>): Answer {
  const { result, error } = message ?? {};
  if (isObject(error))
    return { ...failed(`${method}: ${String(error.message)}`, true), unknownMethod: isUnknown(error) };
  return isObject(result) ? { ok: true, result } : failed(`${method}: the answer has no result`, true);
}

/** Of a JSON-RPC error. */
export function isUnknown(error: JsonObject | undefined): boolean {
  return error?.code === ERRORS.method_not_found.rpc;
}

export function failed(error: string, refused: boolean): Extract<Answer, { ok: false }> {
  return { ok: false, unknownMethod: false, refused, error };
}
