// Decides how a call is made whose backend may ask its client, or numbers its events: ids in the answer are ours.
import { forwardedBody } from '../../core/catalog/exposure-arguments.ts';
import type { Verdict, Viewer } from '../../core/catalog/govern.ts';
import { ERRORS } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { errorText } from '../../core/mcp/json-rpc.ts';
import type { Message } from '../../core/mcp/message.ts';
import { replaceLost } from '../backend/replace.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { carriedHeaders } from '../compose/carried-headers.ts';
import { composeCall, type MessageTransform } from '../compose/compose.ts';
import { type Hop, toClient } from '../compose/identifiers.ts';
import { isOfClientTasks } from '../compose/task-client.ts';
import { isTransparent } from '../lane.ts';
import { looksAtAnswer } from '../obligations/fulfil.ts';
import type { Outcome } from '../outcome.ts';
import { sealEventId } from '../streams/event-ids.ts';
import { deprecationMetadata } from './deprecated.ts';
import { mayHear } from './tasks-heard.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

/** Of a call that makes a task, or asks for one. */
export interface TaskPart {
  /** As the backend gets it; absent: as of any call. */
  readonly body?: readonly Buffer[];
  /** What the client gets of the response. Null: it cannot be passed on. */
  readonly answer: (hop: Hop, response: Message) => readonly Buffer[] | null;
  /** It may take as long as the task: its client can come back for the rest, where no id in the response has to change. */
  readonly resumable: boolean;
}

/** The legacy era, between a client and a server of it. `backend`: the session that is known for the call's server version. */
export function composed(
  call: SessionCall,
  { exposed, target, decision }: Pick<Allowed, 'exposed' | 'target' | 'decision'>,
  backend: string,
  task: TaskPart | null = null,
): Outcome {
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
  return composeCall({
    gateway,
    idText,
    exposed,
    decision,
    backendSession: backend,
    headers: {
      ...carriedHeaders(call.admitted.headers),
      ...Object.fromEntries(gateway.identityTokens.headers(call, exposed)),
    },
    protocolVersion: backendVersion(version, session),
    body: Buffer.concat(task?.body ?? forwardedBody(message, target.param, exposed)),
    transform: (backendSession) =>
      mapped(
        call,
        { gateway, session, version, backendSession, transparent: isTransparent(call.exposure) },
        backendVersion(version, session),
        task,
      ),
    eventId: (id) =>
      // Whoever came back for the rest would get it on a stream that nobody looks at.
      id === '' || id.length > LIMITS.eventIdCharsMax || task?.resumable === false || looksAtAnswer({ decision })
        ? null
        : sealEventId(gateway, session, {
            kind: 'call',
            idText,
            called: { kind: target.kind, name: exposed.name },
            place: { server: version.name, version: version.version, id },
          }),
    answerHeaders: deprecationMetadata(version),
    repair: (dead) => replaceLost(gateway, session, version, dead),
    tokenId: session.tokenId,
  });
}

/** A backend's messages as its client gets them. */
function mapped(
  viewer: Viewer,
  hop: Hop & { readonly version: Allowed['exposed']['version'] },
  protocolVersion: string,
  task: TaskPart | null,
): MessageTransform {
  return (message) => {
    if (!mayHear(viewer, hop, message)) return [];
    const parts = message.kind === 'response' && task !== null ? task.answer(hop, message) : toClient(hop, message);
    if (parts !== null) return [parts.length === 1 ? parts[0]!.toString() : Buffer.concat(parts).toString()];
    const { gateway, version, backendSession } = hop;
    gateway.log.warn({ server: version.name, method: message.method }, 'a message of a backend could not be mapped');
    if (message.kind === 'response') {
      const { rpc, message: sentence } = ERRORS.backend_malformed;
      return [errorText(message.idText, rpc, `${sentence}: ${version.name}`)];
    }
    if (message.kind === 'request') {
      // It would wait for an answer that nobody is asked for.
      const [{ rpc }, why] = isOfClientTasks(message)
        ? [ERRORS.unknown_task, ERRORS.unknown_task.message]
        : [ERRORS.invalid_request, `an id and a progress token have at most ${LIMITS.backendIdBytesMax} bytes`];
      void gateway.egress.send({
        cluster: version.cluster,
        path: version.path,
        method: 'POST',
        sessionId: backendSession,
        protocolVersion,
        body: errorText(message.idText, rpc, why),
        idempotent: false,
        deadlineMs: LIMITS.fanoutDeadlineMs,
      });
    }
    return [];
  };
}
