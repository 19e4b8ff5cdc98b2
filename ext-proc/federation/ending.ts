// Decides what happens to the backends' sessions when a client ends its own, and when it cancels a request.
import type { Exposure } from '../../core/catalog/exposure.ts';
import { LIMITS } from '../../core/limits.ts';
import type { SessionState } from '../../core/session/types.ts';
import { knownSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { Caller, SessionCall, SessionMessage } from '../call.ts';
import type { Gateway } from '../gateway.ts';
import { questionOf } from '../instances/question.ts';
import { ACCEPTED, immediate, type Outcome } from '../outcome.ts';
import { viewOf } from '../view.ts';

/**
 * The tombstone comes first: from then on the token is unknown here. The backends are told without waiting for them; one
 * that does not hear it lets the session idle out.
 */
export function endSession(caller: Caller, session: SessionState): Outcome {
  const { gateway, catalog, surface, principal } = caller;
  gateway.tombstones.add(session.tokenId, session.expiresAtMs);
  gateway.streams.end(session.tokenId);
  eachBackend(gateway, viewOf(catalog, surface, session), session, 'DELETE', undefined);
  gateway.log.info(
    { surface: surface.name, subject: principal.subject, session: session.tokenId },
    'a session was ended by its client',
  );
  return immediate(200, '', 'chancery_session_ended');
}

/**
 * To the backend that has the request, where that is known here; else to each: a request id is the client's own and its
 * backend sessions are its own, so a backend that does not know it ignores this.
 */
export function cancel(call: SessionCall): Outcome {
  if (cancelHere(call)) return ACCEPTED;
  tell(call, call.exposure.served);
  // It may be composed, or bridged, in another.
  if (call.message.bytes.length <= LIMITS.cancelBytesMax)
    call.gateway.instances.tell(questionOf('notice', call, call.message));
  return ACCEPTED;
}

/** False: it is not known here. */
export function cancelHere(call: SessionMessage): boolean {
  const { gateway, exposure, session, message } = call;
  const id = message.params?.get('requestId');
  const idText = id === undefined ? 'null' : message.bytes.toString('utf8', id.start, id.end);
  const underway = gateway.underway.find(session.tokenId, idText);
  if (underway === undefined) return false;
  // It hears of it before its answer is given up: to a server that is no cancellation.
  const told = tell(
    call,
    exposure.served.filter(({ cluster }) => cluster === underway.cluster),
  );
  void Promise.all(told).then(() => underway.cancelled());
  return true;
}

/** To each backend that was told that its client has roots. */
export function rootsChanged(call: SessionCall): Outcome {
  if (Object.hasOwn(call.session.clientCapabilities, 'roots')) tell(call, call.exposure.served);
  return ACCEPTED;
}

function tell({ gateway, session, message }: SessionMessage, served: Exposure['served']): readonly Promise<void>[] {
  // It may go to every backend and nobody waits for it: one of megabytes would be held many times.
  if (message.bytes.length > LIMITS.cancelBytesMax) return [];
  return eachBackend(gateway, { served }, session, 'POST', message.bytes.toString());
}

function eachBackend(
  gateway: Gateway,
  { served }: Pick<Exposure, 'served'>,
  session: SessionState,
  method: 'POST' | 'DELETE',
  body: string | undefined,
): readonly Promise<void>[] {
  return served.map(async (version) => {
    const sessionId = knownSession(gateway, session, version);
    if (sessionId === null || sessionId === '') return;
    const request = {
      cluster: version.cluster,
      path: version.path,
      method,
      sessionId,
      idempotent: true,
      deadlineMs: LIMITS.fanoutDeadlineMs,
    };
    const protocolVersion = backendVersion(version, session);
    const answer = await gateway.egress.send({ ...request, protocolVersion, ...(body !== undefined && { body }) });
    if (!answer.ok) gateway.log.debug({ server: version.name, why: answer.why }, 'a backend was not told');
    if (method === 'DELETE') gateway.side.drop(session.tokenId, version.cluster);
  });
}
