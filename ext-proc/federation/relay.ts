// Decides how an allowed call goes on to its backend: the server's own name, the backend's session, Envoy's cluster.
import type { Verdict } from '../../core/catalog/govern.ts';
import { HEADERS, METADATA } from '../../core/contract.ts';
import { ChanceryError } from '../../core/errors.ts';
import { type Message, withStringParam } from '../../core/mcp/message.ts';
import { backendSession } from '../backend/lookup.ts';
import { backendVersion } from '../backend/version.ts';
import type { SessionCall } from '../call.ts';
import { type Outcome, refuse } from '../outcome.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

/** At once when the backend's session is known. */
export function relay(call: SessionCall, verdict: Allowed): Outcome | Promise<Outcome> {
  const session = backendSession(call.gateway, call.session, verdict.owned.server);
  if (typeof session === 'string') return forward(call, verdict, session);
  return session.then(
    (opened) => forward(call, verdict, opened),
    (error: unknown) => {
      if (!(error instanceof ChanceryError)) throw error;
      return refuse(
        error.detail === undefined ? { code: error.code } : { code: error.code, detail: error.detail },
        call.message.idText,
      );
    },
  );
}

function forward(
  { gateway, message, session, token }: SessionCall,
  { owned, row, publicName, decision }: Allowed,
  backend: string,
): Outcome {
  gateway.log.debug(
    { server: owned.server.name, target: owned.name, session: session.tokenId, decision: decision.id },
    'a call goes on',
  );
  const setHeaders: [string, string][] = [
    [HEADERS.cluster, owned.server.cluster],
    [':path', owned.server.path],
    [HEADERS.protocolVersion, backendVersion(owned.server, session)],
    // As we read it: a backend must not be told of another charset.
    ['content-type', 'application/json'],
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
      body: bodyFor(message, row.target?.param ?? 'name', publicName, owned.name),
      metadata: {
        namespace: METADATA.namespace,
        values: [
          [METADATA.id, message.idText],
          [METADATA.repair, `${token} ${owned.server.name} ${Buffer.from(message.idText).toString('base64url')}`],
          [METADATA.server, owned.server.name],
          [METADATA.tool, owned.name],
          [METADATA.decision, decision.id],
        ],
      },
    },
  };
}

/** Only the name is spliced; every other byte is as the client wrote it. */
function bodyFor(message: Message, param: 'name' | 'uri', publicName: string, own: string): readonly Buffer[] {
  return publicName === own ? [message.bytes] : withStringParam(message, param, own);
}
