// Decides how a stream that belongs to one backend goes on after it broke: that of a call, or of a surface with one server.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { standingOf, withheldAnywhere } from '../../core/catalog/decisions.ts';
import type { Exposure } from '../../core/catalog/exposure.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallEvent, CallHead, EgressCall } from '../../core/mcp/egress-call.ts';
import { parseMessage } from '../../core/mcp/message.ts';
import type { SessionState } from '../../core/session/types.ts';
import { backendSession } from '../backend/lookup.ts';
import { lives } from '../backend/repair.ts';
import { backendVersion } from '../backend/version.ts';
import type { Caller } from '../call.ts';
import { eventText } from '../compose/event-text.ts';
import { toClient } from '../compose/identifiers.ts';
import { toOnlyClient } from '../compose/task-messages.ts';
import { mayHear } from '../federation/tasks-heard.ts';
import { isTransparent } from '../lane.ts';
import { withheldOf } from '../obligations/fulfil.ts';
import { type Outcome, refuse } from '../outcome.ts';
import { type Position, sealEventId } from './event-ids.ts';
import { Flow } from './flow.ts';
import { expiryOf, STREAM_HEADERS } from './listen.ts';
import { LIST_METHODS } from './merge.ts';

type Viewing = Caller & { readonly exposure: Exposure };

/** What the client is sent of an event; `last`: nothing comes after it. */
type Show = (event: CallEvent, backendSession: string) => { readonly text: string; readonly last: boolean };

/** "the server … MUST NOT replay messages that would have been delivered on a different stream": the backend knows which it was. */
export function resumeTransparent(
  viewing: Viewing,
  session: SessionState,
  lastEventId: string,
  begin: () => Outcome,
): Outcome {
  const [version] = viewing.exposure.served;
  if (version === undefined) return begin();
  const { gateway } = viewing;
  // The server's own ids do not say of which call an answer is, and whoever guesses one may come for any.
  const rest = resume(viewing, session, version, lastEventId, begin, (event, backendSession) => {
    const parsed = event.data === '' ? null : parseMessage(Buffer.from(event.data));
    const message = parsed?.ok === true && !LIST_METHODS.includes(parsed.message.method) ? parsed.message : null;
    const hop = { gateway, session, version, backendSession };
    const parts = message === null || !mayHear(viewing, hop, message) ? null : toOnlyClient(hop, message);
    return { text: eventText(parts === null ? '' : textOf(parts), event.id ?? null, event.retry), last: false };
  });
  return withheldOf(gateway, withheldAnywhere(viewing), rest, 'null');
}

/** The rest of a call's answer. A response to anything else would be another call's. */
export function resumeAnswer(
  viewing: Viewing,
  session: SessionState,
  { idText, called, place }: Extract<Position, { kind: 'call' }>,
): Outcome {
  const { gateway } = viewing;
  const unknown = (): Outcome => refuse({ code: 'invalid_request', detail: 'unknown Last-Event-ID' });
  const version = viewing.exposure.served.find(
    ({ name, version: each }) => name === place.server && each === place.version,
  );
  if (version === undefined) return unknown();
  // Between the call and its rest a rule may have changed.
  const standing = standingOf(viewing, called.kind, version.name, called.name);
  if (standing?.allowed !== true) return unknown();
  const rest = resume(viewing, session, version, place.id, unknown, (event, backendSession) => {
    const parsed = event.data === '' ? null : parseMessage(Buffer.from(event.data));
    const message = parsed?.ok === true ? parsed.message : null;
    const last = message?.kind === 'response' && message.idText === idText;
    const parts =
      message === null || (message.kind === 'response' && !last)
        ? null
        : toClient(
            { gateway, session, version, backendSession, transparent: isTransparent(viewing.exposure) },
            message,
          );
    const id = sealEventId(gateway, session, {
      kind: 'call',
      idText,
      called,
      place: { ...place, id: event.id ?? place.id },
    });
    return { text: eventText(parts === null ? '' : textOf(parts), id, event.retry), last };
  });
  return withheldOf(gateway, standing.obligations?.redact ?? [], rest, idText);
}

function textOf(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString();
}

/** Given up when its client leaves before it began. */
interface Attempt {
  left: boolean;
  call: EgressCall | null;
}

/** `otherwise`: the backend's session is gone, or has no streams. */
function resume(
  viewing: Viewing,
  session: SessionState,
  version: ServerVersion,
  lastEventId: string,
  otherwise: () => Outcome,
  show: Show,
): Outcome {
  return {
    kind: 'pending',
    start: (settle) => {
      const attempt: Attempt = { left: false, call: null };
      resumed(attempt, viewing, session, version, lastEventId, otherwise, show).then(settle, (error: unknown) => {
        viewing.gateway.log.error({ err: error }, 'a stream could not go on');
        settle(refuse({ code: 'internal' }));
      });
      return () => {
        attempt.left = true;
        attempt.call?.close();
      };
    },
  };
}

async function resumed(
  attempt: Attempt,
  viewing: Viewing,
  session: SessionState,
  version: ServerVersion,
  lastEventId: string,
  otherwise: () => Outcome,
  show: Show,
): Promise<Outcome> {
  const { gateway } = viewing;
  const unavailable = refuse({ code: 'backend_unavailable', detail: version.name });
  let sessionId: string;
  try {
    sessionId = await backendSession(gateway, session, version);
  } catch {
    return unavailable;
  }
  for (let tries = 0; !attempt.left; tries++) {
    const begun = await listen(attempt, viewing, session, version, sessionId, lastEventId);
    const { status } = begun.head;
    if (begun.stream) return outcomeOf(viewing, session, begun, (event) => show(event, sessionId));
    begun.call.close();
    // The backend still sends it into the session's stream, of which we did not see yet that it broke.
    if (status === 409 && tries < LIMITS.resumeAttemptsMax) {
      gateway.streams.endOwn(session.tokenId);
      await new Promise((resolve) => setTimeout(resolve, LIMITS.resumePauseMs));
      continue;
    }
    if (status === 409) return refuse({ code: 'stream_taken' });
    if (status === 405) return otherwise();
    if (status !== 400 && status !== 404) return unavailable;
    const alive = await lives(gateway, version, sessionId, backendVersion(version, session));
    return alive ? refuse({ code: 'invalid_request', detail: 'unknown Last-Event-ID' }) : otherwise();
  }
  return unavailable;
}

interface Begun {
  readonly call: EgressCall;
  /** Status 0: nothing answered. */
  readonly head: Pick<CallHead, 'status'>;
  readonly stream: boolean;
  /** Gives what came, and what comes, to whoever takes it. */
  take(onEvent: (event: CallEvent) => void, onEnd: () => void): void;
}

function listen(
  attempt: Attempt,
  { gateway }: Caller,
  session: SessionState,
  version: ServerVersion,
  sessionId: string,
  lastEventId: string,
): Promise<Begun> {
  return new Promise((resolve) => {
    const early: CallEvent[] = [];
    let ended = false;
    let onEvent = (event: CallEvent): void => void early.push(event);
    let onEnd = (): void => {};
    const take: Begun['take'] = (event, end) => {
      for (const each of early.splice(0)) event(each);
      [onEvent, onEnd] = [event, end];
      if (ended) end();
      else call.resume();
    };
    const call = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'GET',
      sessionId,
      protocolVersion: backendVersion(version, session),
      lastEventId,
      deadlineMs: LIMITS.upstreamHeadDeadlineMs,
      onOpen: (head) => {
        call.pause();
        resolve({ call, head, stream: head.status === 200 && head.contentType === 'text/event-stream', take });
      },
      onEvent: (event) => onEvent(event),
      onEnd: () => {
        ended = true;
        onEnd();
        resolve({ call, head: { status: 0 }, stream: false, take });
      },
    });
    attempt.call = call;
  });
}

function outcomeOf(
  caller: Caller,
  session: SessionState,
  { call, take }: Begun,
  show: (event: CallEvent) => ReturnType<Show>,
): Outcome {
  return {
    kind: 'stream',
    headers: STREAM_HEADERS,
    open: (sink) => {
      sink.write(': open\n\n');
      const flow = new Flow(sink, () => [call]);
      let over = false;
      const forget = caller.gateway.streams.open({
        tokenId: session.tokenId,
        expiresAtMs: expiryOf(caller, session),
        sink,
        beside: true,
        // Its lists are told in the session's own stream.
        digest: () => ({}),
        writer: {
          told() {},
          tell() {},
          close() {
            over = true;
            call.close();
          },
        },
      });
      const finish = (): void => {
        if (over) return;
        forget();
        sink.end();
      };
      take((event) => {
        if (over) return;
        const { text, last } = show(event);
        flow.write(text);
        if (last) finish();
      }, finish);
      return forget;
    },
  };
}
