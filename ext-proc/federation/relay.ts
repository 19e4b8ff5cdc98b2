// Decides how an allowed call goes on to its backend: the server's own name, the backend's session, Envoy's cluster.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { forwardedBody } from '../../core/catalog/exposure-arguments.ts';
import type { Verdict } from '../../core/catalog/govern.ts';
import { HEADERS } from '../../core/contract.ts';
import { ChanceryError } from '../../core/errors.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { backendSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import { bridgeLegacy } from '../bridging/bridge.ts';
import type { SessionCall } from '../call.ts';
import { relayedMetadata } from '../call-record.ts';
import { isTransparent, laneOf } from '../lane.ts';
import { looksAtAnswer } from '../obligations/fulfil.ts';
import { type Outcome, refuse } from '../outcome.ts';
import { composed } from './composed.ts';
import { made, makesTask } from './tasks-made.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

export function relay(call: SessionCall, verdict: Allowed): Outcome | Promise<Outcome> {
  const { version } = verdict.exposed;
  if (isModernOnly(version.discovered)) return bridgeLegacy(call, verdict);
  if (makesTask(call)) return onBackend(call, version, (backend) => composed(call, verdict, backend, made(verdict)));
  const lane =
    call.batched === true || looksAtAnswer(verdict) || laneOf(call.exposure, call.session, version) === 'composed'
      ? composed
      : forward;
  return onBackend(call, version, (backend) => lane(call, verdict, backend));
}

/** `go` with the session that the call uses: at once when it is known. */
export function onBackend(
  call: SessionCall,
  version: ServerVersion,
  go: (backend: string) => Outcome,
): Outcome | Promise<Outcome> {
  const session = backendSession(call.gateway, call.session, version);
  // Servers ask their clients on either stream: a client that opened its own before it called was heard in this order.
  const opening = call.gateway.streams.opening(call.session.tokenId, version.cluster);
  if (typeof session === 'string') return opening === null ? go(session) : opening.then(() => go(session));
  return session.then(
    async (opened) => {
      await opening;
      return go(opened);
    },
    (error: unknown) => {
      if (!(error instanceof ChanceryError)) throw error;
      return refuse(
        error.detail === undefined ? { code: error.code } : { code: error.code, detail: error.detail },
        call.message.idText,
      );
    },
  );
}

function forward(call: SessionCall, { exposed, target, decision }: Allowed, backend: string): Outcome {
  const { gateway, message, session, token, exposure } = call;
  const { version } = exposed;
  gateway.log.debug(
    {
      server: version.name,
      version: version.version,
      target: exposed.name,
      session: session.tokenId,
      decision: decision.id,
    },
    'a call goes on',
  );
  const setHeaders: (readonly [string, string])[] = [
    [HEADERS.cluster, version.cluster],
    [':path', version.path],
    [HEADERS.protocolVersion, backendVersion(version, session)],
    // As we read it: a backend must not be told of another charset.
    ['content-type', 'application/json'],
    ...gateway.identityTokens.headers(call, exposed),
  ];
  // The modern era's headers say nothing in this one, and nobody compared them with the body.
  const removeHeaders: string[] = [HEADERS.method, HEADERS.name];
  // Our own token must never reach a backend, also not one that keeps no sessions.
  if (backend === '') removeHeaders.push(HEADERS.session);
  else setHeaders.push([HEADERS.session, backend]);
  return {
    kind: 'relay',
    relay: {
      setHeaders,
      removeHeaders,
      body: forwardedBody(message, target.param, exposed),
      metadata: relayedMetadata(exposed, decision, message.idText, token, isTransparent(exposure)),
    },
  };
}
