// Decides how the control plane talks to a server while it reads it: one MCP session of the legacy era, within one deadline.

import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressClient, EgressRequest } from '../../core/mcp/egress.ts';
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

/** A result, or why there is none; -32601 is told apart, as a server may announce more than it has. */
export type Answer =
  | { readonly ok: true; readonly result: JsonObject }
  | { readonly ok: false; readonly unknownMethod: boolean; readonly error: string };

export interface Session {
  readonly protocolVersion: string;
  /** The result of `initialize`. */
  readonly initialized: JsonObject;
  request(method: string, params: JsonObject): Promise<Answer>;
  close(): Promise<void>;
}

/** Lists of the first version are those of the later ones, and servers on standard input and output still speak it. */
const VERSIONS: readonly string[] = ['2024-11-05', ...LEGACY_VERSIONS];
const CLIENT_INFO = { name: 'chancery', title: 'Chancery discovery', version: '0.1.0' };
const METHOD_NOT_FOUND = -32601;

/** Initializes a session as a client with these capabilities. Total. */
export async function openSession(
  options: SessionOptions,
  capabilities: JsonObject,
): Promise<Session | { readonly error: string }> {
  const { egress, target, nowMs, endMs } = options;
  let sessionId = '';
  let protocolVersion: string | undefined;
  let id = 0;

  const send = (message: JsonObject | undefined, deadlineMs: number): ReturnType<EgressClient['send']> => {
    const request: EgressRequest = {
      cluster: target.cluster,
      path: target.path,
      method: message === undefined ? 'DELETE' : 'POST',
      sessionId,
      ...(protocolVersion === undefined ? {} : { protocolVersion }),
      ...(message === undefined ? {} : { body: JSON.stringify({ jsonrpc: '2.0', ...message }) }),
      idempotent: true,
      deadlineMs,
    };
    return egress.send(request);
  };

  const request = async (method: string, params: JsonObject): Promise<Answer> => {
    const leftMs = endMs - nowMs();
    if (leftMs <= 0) return failed(`${method}: no answer within ${LIMITS.discoveryDeadlineMs} ms`);
    id += 1;
    const answer = await send({ id, method, params }, leftMs);
    if (!answer.ok) return failed(`${method}: ${causeOf(answer, target.path)}`);
    if (method === 'initialize') sessionId = answer.sessionId;
    const { result, error } = answer.message ?? {};
    if (isObject(error))
      return { ...failed(`${method}: ${String(error.message)}`), unknownMethod: error.code === METHOD_NOT_FOUND };
    return isObject(result) ? { ok: true, result } : failed(`${method}: the answer has no result`);
  };

  // What a server keeps for a session that nobody ends is its own memory: worth a moment beyond the deadline.
  const close = async (): Promise<void> => {
    if (sessionId !== '') await send(undefined, LIMITS.probeDeadlineMs);
  };
  const give = async (error: string): Promise<{ readonly error: string }> => {
    await close();
    return { error };
  };

  const hello = { protocolVersion: LATEST_LEGACY_VERSION, capabilities, clientInfo: CLIENT_INFO };
  const initialized = await request('initialize', hello);
  if (!initialized.ok) return give(initialized.error);
  const found = initialized.result.protocolVersion;
  if (typeof found !== 'string' || !VERSIONS.includes(found)) {
    return give(`initialize: found protocol version ${JSON.stringify(found)}, wanted one of ${VERSIONS.join(', ')}`);
  }
  protocolVersion = found;
  const ready = await send({ method: 'notifications/initialized' }, Math.max(1, endMs - nowMs()));
  if (!ready.ok) return give(`notifications/initialized: ${causeOf(ready, target.path)}`);
  return { protocolVersion: found, initialized: initialized.result, request, close };
}

function failed(error: string): Answer & { readonly ok: false } {
  return { ok: false, unknownMethod: false, error };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
