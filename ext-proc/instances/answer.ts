// Decides what an ext-proc does with what another one was asked in its place: it checks again whose the state is.
import { type Asker, govern } from '../../core/catalog/govern.ts';
import { type Message, parseMessage, stringParam } from '../../core/mcp/message.ts';
import { checkSession } from '../../core/session/check.ts';
import { answerBridged, cancelBridged, resumeRelayed, subscribeHere } from '../bridging/bridge.ts';
import type { SessionMessage } from '../call.ts';
import { cancelHere } from '../federation/ending.ts';
import { answerBackend, tellProgress } from '../federation/responses.ts';
import type { Gateway } from '../gateway.ts';
import { ACCEPTED, type Outcome, refuse } from '../outcome.ts';
import { situationOf } from '../situation.ts';
import { viewOf } from '../view.ts';
import { ALONE } from './instances.ts';
import { principalOffWire, type RelayKind, type RelayRequest } from './wire.ts';

type Handler = (gateway: Gateway, asker: Asker, request: RelayRequest) => Outcome | Promise<Outcome>;

/** What comes here is not relayed again: each handler does only what is done in this process. */
const KINDS: Readonly<Record<RelayKind, Handler>> = {
  retry: (gateway, asker, { asked, message }) =>
    withMessage(message, (parsed) => resumeRelayed(gateway, asker, asked, parsed)),
  answer: (gateway, asker, request) =>
    withSession(gateway, asker, request, (call) => {
      if (call.message.kind !== 'response') return tellProgress(call);
      return answerBridged(call) ? ACCEPTED : answerBackend(call);
    }),
  notice: (gateway, asker, request) => withSession(gateway, asker, request, notice),
  listening(gateway, asker, request) {
    const session = sessionOf(gateway, asker, request.session);
    if (session !== null) gateway.streams.endOwn(session.tokenId);
    return ACCEPTED;
  },
};

/** Null: it is for another instance, or of a surface that is not known here. */
export function answerRelayed(gateway: Gateway, request: RelayRequest): Outcome | Promise<Outcome> | null {
  const catalog = gateway.catalog();
  const surface = catalog?.surfaces.get(request.surface);
  const handler = Object.hasOwn(KINDS, request.kind) ? KINDS[request.kind] : undefined;
  if (request.instance !== gateway.bridges.instance || catalog === null || surface === undefined) return null;
  if (handler === undefined) return null;
  const asker: Asker = {
    catalog,
    surface,
    principal: principalOffWire(request.principal),
    decisionId: gateway.newDecisionId(),
    situation: situationOf(gateway),
  };
  return handler({ ...gateway, instances: ALONE }, asker, request);
}

function withMessage(bytes: Buffer, use: (message: Message) => Outcome | Promise<Outcome>): Outcome | Promise<Outcome> {
  const parsed = parseMessage(bytes);
  return parsed.ok ? use(parsed.message) : refuse({ code: parsed.code }, parsed.idText);
}

function sessionOf(gateway: Gateway, { surface, principal }: Asker, token: string) {
  const opened = gateway.sessions().open(token);
  if (!opened.ok) return null;
  const { issuer, subject } = principal;
  const use = { surface: surface.name, issuer, subject, tombstones: gateway.tombstones };
  return checkSession(opened.state, use) === null ? opened.state : null;
}

function withSession(
  gateway: Gateway,
  asker: Asker,
  { session: token, message: bytes }: RelayRequest,
  use: (call: SessionMessage) => Outcome | Promise<Outcome>,
): Outcome | Promise<Outcome> {
  const session = sessionOf(gateway, asker, token);
  if (session === null) return refuse({ code: 'session_unknown' });
  const exposure = viewOf(asker.catalog, asker.surface, session);
  return withMessage(bytes, (message) => use({ ...asker, gateway, session, exposure, message, token }));
}

/** Of each method that leaves something in a process: what it leaves. */
function notice(call: SessionMessage): Outcome {
  const { gateway, session, message } = call;
  switch (message.method) {
    case 'notifications/cancelled':
      if (!cancelBridged(call)) cancelHere(call);
      break;
    case 'logging/setLevel':
      gateway.bridges.levels.set(session.tokenId, stringParam(message, 'level') ?? '');
      break;
    case 'resources/subscribe':
    case 'resources/unsubscribe': {
      const verdict = govern(message, call);
      if (verdict.kind === 'call') subscribeHere(call, verdict);
    }
  }
  return ACCEPTED;
}
