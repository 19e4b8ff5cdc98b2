// Decides how a session's GET stream begins, and what makes its lists differ.
import { LIMITS } from '../../core/limits.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Caller } from '../call.ts';
import { listDigest } from '../federation/lists.ts';
import { type Outcome, refuse } from '../outcome.ts';

/** "The server MUST either return Content-Type: text/event-stream in response to this HTTP GET, or else return HTTP 405." */
export function openStream(caller: Caller, session: SessionState): Outcome {
  // Not the caller itself: a stream lives for hours, and would hold the catalog of the day it was opened.
  const { gateway, principal, decisionId } = caller;
  const { name } = caller.surface;
  if (gateway.streams.full) return refuse({ code: 'too_many_streams', reason: `${LIMITS.streamsMax} are open` });
  return {
    kind: 'stream',
    headers: [
      [':status', '200'],
      ['content-type', 'text/event-stream'],
      ['cache-control', 'no-store'],
    ],
    open: (sink) => {
      // So that the response's headers go out at once.
      sink.write(': open\n\n');
      return gateway.streams.open({
        tokenId: session.tokenId,
        expiresAtMs: Math.min(session.expiresAtMs, principal.expiresAtMs + LIMITS.clockSkewMs),
        sink,
        digest: () => {
          const catalog = gateway.catalog();
          const surface = catalog?.surfaces.get(name);
          return catalog === null || surface === undefined
            ? {}
            : listDigest({ catalog, surface, principal, decisionId });
        },
      });
    },
  };
}
