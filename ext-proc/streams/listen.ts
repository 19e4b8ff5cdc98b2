// Decides how a session's GET stream begins or goes on, what makes its lists differ, and when its caller may not listen any more.
import type { Viewer } from '../../core/catalog/govern.ts';
import { apiKeyProblem } from '../../core/identity/api-key.ts';
import { LIMITS } from '../../core/limits.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Caller } from '../call.ts';
import { listDigest } from '../federation/lists.ts';
import { questionOf } from '../instances/question.ts';
import { isTransparent } from '../lane.ts';
import { type Outcome, refuse } from '../outcome.ts';
import { inSession } from '../situation.ts';
import { viewOf } from '../view.ts';
import { isEventId, openEventId, type Position } from './event-ids.ts';
import { LIST_METHODS, Merge, PRIMED } from './merge.ts';
import { resumeAnswer, resumeTransparent } from './resume.ts';
import type { StreamSink } from './table.ts';

const FRESH: Extract<Position, { kind: 'stream' }> = { kind: 'stream', lists: [], places: [] };

/**
 * "The server MUST either return Content-Type: text/event-stream in response to this HTTP GET, or else return HTTP 405."
 * "If the client wishes to resume after a disconnection, it SHOULD issue an HTTP GET and include the Last-Event-ID header"
 * (MCP 2025-11-25, transports), whichever of its streams it was.
 */
export function openStream(caller: Caller, session: SessionState): Outcome {
  const { gateway } = caller;
  const { lastEventId } = caller.admitted;
  if (gateway.streams.full) return refuse({ code: 'too_many_streams', reason: `${LIMITS.streamsMax} are open` });
  if (lastEventId === '') return begin(caller, session, FRESH);
  const situation = inSession(caller.situation, gateway, session);
  const viewer = { ...caller, situation, exposure: viewOf(caller.catalog, caller.surface, session) };
  if (gateway.streams.beside(session.tokenId) >= LIMITS.resumptionsPerSessionMax)
    return refuse({ code: 'too_many_streams', reason: `${LIMITS.resumptionsPerSessionMax} are open in this session` });
  if (isTransparent(viewer.exposure) && !isEventId(lastEventId)) {
    return resumeTransparent(viewer, session, lastEventId, () => begin(caller, session, FRESH));
  }
  const position = openEventId(gateway, session, lastEventId);
  if (position === null) {
    gateway.log.info({ surface: caller.surface.name, session: session.tokenId }, 'a Last-Event-ID was refused');
    return refuse({ code: 'invalid_request', detail: 'unknown Last-Event-ID' });
  }
  return position.kind === 'call' ? resumeAnswer(viewer, session, position) : begin(caller, session, position);
}

function begin(caller: Caller, session: SessionState, position: Extract<Position, { kind: 'stream' }>): Outcome {
  const { gateway, principal, apiKey, decisionId, surface } = caller;
  return {
    kind: 'stream',
    headers: STREAM_HEADERS,
    open(sink) {
      const situation = inSession(caller.situation, gateway, session);
      const first: Viewer = { ...caller, situation, exposure: viewOf(caller.catalog, surface, session) };
      const listener = { gateway, session, principal, apiKey, decisionId, situation, surface: surface.name };
      const forget = listen(listener, first, position, expiryOf(caller, session), sink);
      // An earlier one may be open in another, on a connection that died unseen.
      gateway.instances.tell(questionOf('listening', { ...caller, token: caller.admitted.sessionToken }, null));
      return forget;
    },
  };
}

/** Whose stream it is. Not the caller itself: a stream lives for hours, and would hold the catalog of the day it was opened. */
interface Listener extends Pick<Caller, 'gateway' | 'principal' | 'apiKey' | 'decisionId' | 'situation'> {
  readonly session: SessionState;
  readonly surface: string;
}

/** A function of its own: what the closures of another one use, these would hold as well. */
function listen(
  { gateway, session, principal, apiKey, decisionId, situation, surface: name }: Listener,
  first: Viewer,
  position: Extract<Position, { kind: 'stream' }>,
  expiresAtMs: number,
  sink: StreamSink,
): () => void {
  const viewer = (): Viewer | null => {
    const catalog = gateway.catalog();
    const surface = catalog?.surfaces.get(name);
    if (catalog === null || surface === undefined) return null;
    return { catalog, surface, principal, decisionId, situation, exposure: viewOf(catalog, surface, session) };
  };
  // So that the response's headers go out at once.
  sink.write(': open\n\n');
  const merge = new Merge({ gateway, session, sink, viewer, places: position.places }, first);
  const forget = gateway.streams.open({
    tokenId: session.tokenId,
    expiresAtMs,
    sink,
    writer: merge,
    ...(position !== FRESH && { before: digestsOf(position.lists) }),
    digest: () => {
      const catalog = gateway.catalog();
      if (
        catalog !== null &&
        apiKey !== null &&
        apiKeyProblem(catalog.apiKeys.get(apiKey.sha256), name, gateway.now()) !== null
      )
        return null;
      const now = viewer();
      if (!merge.refresh(now)) return null;
      return now === null ? {} : listDigest(now);
    },
  });
  if (session.protocolVersion >= PRIMED) merge.prime();
  return forget;
}

export const STREAM_HEADERS = [
  [':status', '200'],
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-store'],
] as const;

/** A key ends by the clock that set its end. */
export function expiryOf({ principal, apiKey }: Caller, session: SessionState): number {
  return Math.min(session.expiresAtMs, principal.expiresAtMs + (apiKey === null ? LIMITS.clockSkewMs : 0));
}

function digestsOf(lists: readonly string[]): Record<string, string> {
  return Object.fromEntries(LIST_METHODS.map((method, index) => [method, lists[index] ?? '']));
}
