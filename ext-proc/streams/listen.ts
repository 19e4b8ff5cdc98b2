// Decides how a session's GET stream begins, what makes its lists differ, and when its caller may not listen any more.
import { apiKeyProblem } from '../../core/identity/api-key.ts';
import { LIMITS } from '../../core/limits.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Caller } from '../call.ts';
import { listDigest } from '../federation/lists.ts';
import { type Outcome, refuse } from '../outcome.ts';
import { viewOf } from '../view.ts';

/** "The server MUST either return Content-Type: text/event-stream in response to this HTTP GET, or else return HTTP 405." */
export function openStream(caller: Caller, session: SessionState): Outcome {
  // Not the caller itself: a stream lives for hours, and would hold the catalog of the day it was opened.
  const { gateway, principal, apiKey, decisionId } = caller;
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
        // A key ends by the clock that set its end.
        expiresAtMs: Math.min(session.expiresAtMs, principal.expiresAtMs + (apiKey === null ? LIMITS.clockSkewMs : 0)),
        sink,
        digest: () => {
          const catalog = gateway.catalog();
          if (catalog === null) return {};
          if (apiKey !== null && apiKeyProblem(catalog.apiKeys.get(apiKey.sha256), name, gateway.now()) !== null)
            return null;
          const surface = catalog.surfaces.get(name);
          if (surface === undefined) return {};
          return listDigest({
            catalog,
            surface,
            principal,
            decisionId,
            exposure: viewOf(catalog, surface, session),
          });
        },
      });
    },
  };
}
