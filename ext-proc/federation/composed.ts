// Decides how a call is made whose backend may ask its client, or numbers its events: ids in the answer are ours.
import { forwardedBody } from '../../core/catalog/exposure-arguments.ts';
import type { Verdict } from '../../core/catalog/govern.ts';
import { ERRORS } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { errorText } from '../../core/mcp/json-rpc.ts';
import { replaceLost } from '../backend/replace.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { composeCall, type MessageTransform } from '../compose/compose.ts';
import { type Hop, toClient } from '../compose/identifiers.ts';
import type { Outcome } from '../outcome.ts';
import { sealEventId } from '../streams/event-ids.ts';
import { deprecationMetadata } from './deprecated.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

/** The legacy era, between a client and a server of it. `backend`: the session that is known for the call's server version. */
export function composed(call: SessionCall, { exposed, target, decision }: Allowed, backend: string): Outcome {
  const { gateway, session, message } = call;
  const { idText } = message;
  const { version } = exposed;
  gateway.log.debug(
    {
      server: version.name,
      version: version.version,
      target: exposed.name,
      session: session.tokenId,
      decision: decision.id,
    },
    'a call is made for its client',
  );
  const under = { tokenId: session.tokenId, idText, cluster: version.cluster };
  gateway.underway.add(under);
  return composeCall({
    gateway,
    idText,
    version,
    backendSession: backend,
    protocolVersion: backendVersion(version, session),
    body: Buffer.concat(forwardedBody(message, target.param, exposed)),
    transform: (backendSession) =>
      mapped({ gateway, session, version, backendSession }, backendVersion(version, session)),
    eventId: (id) =>
      id === '' || id.length > LIMITS.eventIdCharsMax
        ? null
        : sealEventId(gateway, session, {
            kind: 'call',
            idText,
            place: { server: version.name, version: version.version, id },
          }),
    answerHeaders: deprecationMetadata(version),
    repair: (dead) => replaceLost(gateway, session, version, dead),
    onDone: () => gateway.underway.remove(under),
  });
}

/** A backend's messages as its client gets them. */
function mapped(
  hop: Hop & { readonly version: Allowed['exposed']['version'] },
  protocolVersion: string,
): MessageTransform {
  return (message) => {
    const parts = toClient(hop, message);
    if (parts !== null) return [parts.length === 1 ? parts[0]!.toString() : Buffer.concat(parts).toString()];
    const { gateway, version, backendSession } = hop;
    gateway.log.warn({ server: version.name, method: message.method }, 'a message of a backend could not be mapped');
    if (message.kind === 'request') {
      // It would wait for an answer that nobody is asked for.
      const { rpc } = ERRORS.invalid_request;
      void gateway.egress.send({
        cluster: version.cluster,
        path: version.path,
        method: 'POST',
        sessionId: backendSession,
        protocolVersion,
        body: errorText(
          message.idText,
          rpc,
          `an id and a progress token have at most ${LIMITS.backendIdBytesMax} bytes`,
        ),
        idempotent: false,
        deadlineMs: LIMITS.fanoutDeadlineMs,
      });
    }
    return [];
  };
}
