// Decides with which session a call is repeated that its backend surely did not execute: refused connection, or session unknown.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { isServed } from '../../core/catalog/choose.ts';
import { CALLER, HEADERS } from '../../core/contract.ts';
import { ChanceryError, ERRORS } from '../../core/errors.ts';
import { decodeProcessingRequest, encodeHeadersOnly, encodeImmediate } from '../../core/grpc/ext-proc.ts';
import type { GrpcStream, StreamHandler } from '../../core/grpc/server.ts';
import { nameProblem } from '../../core/identity/standing.ts';
import { LIMITS } from '../../core/limits.ts';
import { openEnvelope } from '../../core/mcp/envelope.ts';
import { errorText } from '../../core/mcp/json-rpc.ts';
import type { Gateway } from '../gateway.ts';
import { knownSession, openInto } from './lookup.ts';
import { NO_SESSION, type RepairContext, readRepairContext } from './repair-context.ts';
import { backendVersion } from './version.ts';

const PING = '{"jsonrpc":"2.0","id":"ping","method":"ping"}';

/**
 * Envoy runs this filter before it sends a request to a backend for the second or third time, after it chose the replica.
 * The body is in Envoy's own buffer; all that we change is the session header.
 */
export function createRepair(stream: GrpcStream, gateway: Gateway): StreamHandler {
  const context = readRepairContext(headerOf(stream, CALLER.repairContext));
  const replica = headerOf(stream, CALLER.upstreamHost);
  const refuse = (code: 'backend_unavailable' | 'invalid_request', reason: string): void => {
    const { server, version, idText } = context;
    gateway.log.warn({ server, version, reason }, 'a call could not be repeated');
    const { http, rpc, message } = ERRORS[code];
    const body = errorText(idText, rpc, `${message}: ${server}`);
    stream.send(
      encodeImmediate({
        status: http,
        headers: [['content-type', 'application/json']],
        body,
        details: 'chancery_repair',
      }),
    );
  };
  return {
    message(encoded) {
      const request = decodeProcessingRequest(encoded);
      if (request.kind !== 'request_headers') return;
      if (context.token === NO_SESSION) return stream.send(encodeHeadersOnly([], false));
      const used = request.headers.get(HEADERS.session) ?? '';
      repair(gateway, { ...context, replica, used }).then(
        (sessionId) => stream.send(encodeHeadersOnly(sessionId === '' ? [] : [[HEADERS.session, sessionId]], false)),
        (error: unknown) => {
          const known = error instanceof ChanceryError;
          const code = known && error.code === 'invalid_request' ? 'invalid_request' : 'backend_unavailable';
          refuse(code, known ? (error.reason ?? error.message) : String(error));
        },
      );
    },
    halfClosed: () => stream.end(),
    closed() {},
  };
}

interface Failed extends RepairContext {
  /** Where Envoy will send the repetition. */
  readonly replica: string;
  /** The plain session id with which the call failed. */
  readonly used: string;
}

/** The plain session id to send to `replica`. */
async function repair(gateway: Gateway, { token, replica, used, ...failed }: Failed): Promise<string> {
  const unsealed = gateway.sessions().open(token);
  if (!unsealed.ok) throw new ChanceryError('session_unknown', { reason: unsealed.reason });
  const session = unsealed.state;
  if (gateway.tombstones.has(session.tokenId)) throw new ChanceryError('session_unknown', { reason: 'ended' });
  const catalog = gateway.catalog();
  const gone = catalog === null ? null : nameProblem(session, catalog, gateway.now());
  if (gone !== null) throw new ChanceryError('session_unknown', { reason: gone });
  // The version that the call was sent to, whichever the session would be led to now: Envoy stays with its cluster.
  const version = catalog?.servers.get(failed.server)?.versions.find((each) => each.version === failed.version);
  if (version === undefined || !isServed(version))
    throw new ChanceryError('backend_unavailable', { reason: 'the server version is gone from the catalog' });
  const known = knownSession(gateway, session, version);
  if (known !== null) {
    const address = openEnvelope(known)?.address;
    const here = address === undefined || address === replica;
    // Envoy repeats on another replica. There is nothing to replace while the session answers on its own: it was the
    // message that was refused, and a caller must not lose its session, or open one more with each such message.
    if ((here || plain(known) === used) && (await lives(gateway, version, known, backendVersion(version, session)))) {
      if (here) return plain(known);
      throw new ChanceryError('invalid_request', { reason: 'its session lives, so the server refused the message' });
    }
  }
  const opened = await openInto(gateway, session, version, known ?? undefined, replica);
  const address = openEnvelope(opened)?.address;
  if (address !== undefined && address !== replica) {
    throw new ChanceryError('backend_unavailable', { reason: 'the replica that the call goes to opened no session' });
  }
  return plain(opened);
}

/**
 * A 400 may be about the request and not about its session, and a refused connection says nothing of it: a session that
 * answers a ping is kept, with all that its server remembers. (Where its replica is gone, Envoy asks another, which does
 * not know it.)
 */
export async function lives(
  gateway: Gateway,
  { cluster, path }: ServerVersion,
  sessionId: string,
  protocolVersion: string,
): Promise<boolean> {
  const answer = await gateway.egress.send({
    cluster,
    path,
    method: 'POST',
    sessionId,
    protocolVersion,
    body: PING,
    idempotent: false,
    deadlineMs: LIMITS.fanoutDeadlineMs,
  });
  return answer.ok;
}

function plain(sessionId: string): string {
  return openEnvelope(sessionId)?.sessionId ?? sessionId;
}

function headerOf(stream: GrpcStream, name: string): string {
  const value = stream.headers[name];
  return typeof value === 'string' ? value : '';
}
