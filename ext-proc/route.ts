// Decides which handler answers a request whose caller and body are known.

import { govern, type Verdict } from '../core/catalog/govern.ts';
import { AUTHZ_METADATA_NAMESPACE } from '../core/contract.ts';
import type { Metadata } from '../core/grpc/ext-proc.ts';
import { scopeChallenge } from '../core/identity/metadata.ts';
import { recordDecision } from '../core/ledger-client/recorded.ts';
import { classifyInbound, type Envelope } from '../core/mcp/inbound.ts';
import { resultText, toolErrorText } from '../core/mcp/json-rpc.ts';
import { type Message, type ParsedMessage, parseMessage } from '../core/mcp/message.ts';
import { type Act, methodRow } from '../core/mcp/methods.ts';
import { sessionHolders } from '../core/policy/holder.ts';
import { agree, refusedMessages } from './agree.ts';
import { answerBridged, cancelBridged } from './bridging/bridge.ts';
import type { Caller, SessionCall } from './call.ts';
import { answerBatch } from './federation/batch.ts';
import { noticeFor } from './federation/deprecated.ts';
import { cancel, endSession, rootsChanged } from './federation/ending.ts';
import { initialize } from './federation/initialize.ts';
import { answerList, answerToolsView } from './federation/lists.ts';
import { setLevel } from './federation/logging.ts';
import { relay } from './federation/relay.ts';
import { answerBackend, tellProgress } from './federation/responses.ts';
import { subscribe } from './federation/subscribing.ts';
import { answerTask, tellTaskStatus } from './federation/tasks.ts';
import { listTasks } from './federation/tasks-list.ts';
import { actModern } from './modern/answer.ts';
import { fulfil, type OwingCall } from './obligations/fulfil.ts';
import { pendingInSession } from './obligations/pending.ts';
import { ACCEPTED, immediate, type Outcome, refuse } from './outcome.ts';
import { openSession } from './session.ts';
import { inSession, ofPrincipal } from './situation.ts';
import { openStream } from './streams/listen.ts';
import { viewOf, viewOfPrincipal } from './view.ts';

type Governed = Extract<Verdict, { kind: 'lifecycle' | 'call' }>;

/** One function for each act of the method table. */
const ACTS: Readonly<
  Record<
    Exclude<Act, 'initialize' | 'discover' | 'listen'>,
    (call: SessionCall, verdict: Governed) => Outcome | Promise<Outcome>
  >
> = {
  ping: answerPing,
  list: (call, { row }) => answerList(call, row.list ?? 'tools'),
  relay: (call, verdict) =>
    verdict.kind === 'call'
      ? fulfil(owing(call), verdict, () => relay(call, verdict))
      : refuse({ code: 'internal' }, call.message.idText),
  subscribe: (call, verdict) =>
    verdict.kind === 'call' ? subscribe(call, verdict) : refuse({ code: 'internal' }, call.message.idText),
  accept: () => ACCEPTED,
  fanout: (call) => (cancelBridged(call) ? ACCEPTED : cancel(call)),
  progress: tellProgress,
  roots: rootsChanged,
  level: setLevel,
  task: answerTask,
  tasks: listTasks,
  taskStatus: tellTaskStatus,
};

/** A POST. Total but for broken invariants, which the exchange refuses. */
export function answerPost(caller: Caller, body: Buffer, metadata: Metadata | null): Outcome | Promise<Outcome> {
  const word = metadata?.get(AUTHZ_METADATA_NAMESPACE);
  const disagreement = agree(caller, body, word);
  if (disagreement !== null) return refuse(disagreement);
  const parsed = parseMessage(body);
  if (parsed.ok || parsed.code !== 'batch_unsupported') return answerParsed(caller, parsed);
  const refused = refusedMessages(caller, word);
  if (refused === null) return refuse({ code: 'decision_unavailable', reason: 'nothing was said of its messages' });
  // Each message is decided, and known by an id, of its own.
  const newId = caller.gateway.newDecisionId;
  return answerBatch(caller, body, refused, (each, bytes) =>
    answerParsed({ ...each, decisionId: newId() }, parseMessage(bytes)),
  );
}

function answerParsed(caller: Caller, parsed: ParsedMessage): Outcome | Promise<Outcome> {
  if (!parsed.ok)
    return refuse(
      parsed.detail === undefined ? { code: parsed.code } : { code: parsed.code, detail: parsed.detail },
      parsed.idText,
    );
  const { message } = parsed;
  const inbound = classifyInbound(message, caller.admitted.standard);
  if (inbound.era === null) {
    const { code, detail, data } = inbound;
    return refused(caller, message, { kind: 'refused', code, detail, ...(data !== undefined && { data }) });
  }
  if (inbound.era === 'modern') return answerModern(caller, message, inbound.envelope);
  if (message.kind === 'request' && methodRow(message.method, message.kind)?.act === 'initialize') {
    // "The initialize request MUST NOT be part of a JSON-RPC batch" (MCP 2025-03-26, basic/lifecycle).
    if (caller.batched === true)
      return refuse({ code: 'invalid_request', detail: 'initialize must not be in a batch' }, message.idText);
    // "initialize" opens a session; one that is open cannot be opened again.
    if (caller.admitted.sessionToken !== '')
      return refuse({ code: 'invalid_request', detail: 'initialize takes no Mcp-Session-Id' }, message.idText);
    return initialize(caller, message);
  }
  const opened = openSession(caller);
  if (!opened.ok) return refuse(opened, message.idText);
  const { session } = opened;
  const exposure = viewOf(caller.catalog, caller.surface, session);
  const situation = inSession(caller.situation, caller.gateway, session);
  const call: SessionCall = { ...caller, situation, message, session, exposure, token: caller.admitted.sessionToken };
  const verdict = govern(message, call);
  if (verdict.kind === 'response') return answerBridged(call) ? ACCEPTED : answerBackend(call);
  if (verdict.kind === 'refused') return refused(call, message, verdict);
  const { act } = verdict.row;
  return act === 'initialize' || act === 'discover' || act === 'listen'
    ? refuse({ code: 'internal' }, message.idText)
    : ACTS[act](call, verdict);
}

/** A GET or DELETE. */
export function answerBodiless(
  caller: Caller,
  bodyBytes: number,
  metadata: Metadata | null,
): Outcome | Promise<Outcome> {
  const disagreement = agree(caller, null, metadata?.get(AUTHZ_METADATA_NAMESPACE));
  if (disagreement !== null) return refuse(disagreement);
  if (bodyBytes > 0) return refuse({ code: 'invalid_request', detail: 'this method takes no body' });
  if (caller.admitted.want === 'tools') return answerToolsView(caller);
  const opened = openSession(caller);
  if (!opened.ok) return refuse(opened);
  return caller.admitted.want === 'end' ? endSession(caller, opened.session) : openStream(caller, opened.session);
}

/** Of the modern era: there is no session, and what is not a request asks nothing. */
function answerModern(caller: Caller, message: Message, envelope: Envelope | null): Outcome | Promise<Outcome> {
  if (envelope === null || message.kind !== 'request') return ACCEPTED;
  const { catalog, surface, principal } = caller;
  const declared = Object.fromEntries([...envelope.capabilities].map((name) => [name, {}]));
  const call = {
    ...caller,
    situation: ofPrincipal(caller.situation, caller.gateway, principal, envelope.protocolVersion),
    message,
    envelope,
    exposure: viewOfPrincipal(catalog, surface, principal, declared),
  };
  const verdict = govern(message, call, 'modern');
  if (verdict.kind === 'refused') return refused(call, message, verdict);
  return verdict.kind === 'response' ? ACCEPTED : actModern(call, verdict);
}

/** What its obligations need of a call in a session. */
function owing(call: SessionCall): OwingCall {
  const holders = sessionHolders(call.session.tokenId);
  return { ...call, holders, pending: (approval) => pendingInSession(call, approval) };
}

function answerPing(call: SessionCall): Outcome {
  const { members, headers } = noticeFor(call);
  return immediate(200, resultText(call.message.idText, JSON.stringify(members)), 'chancery_ping', headers);
}

function refused(caller: Caller, message: Message, verdict: Extract<Verdict, { kind: 'refused' }>): Outcome {
  const { gateway, surface, principal } = caller;
  recordDecision(gateway.recorded, caller, message.method, verdict, verdict.code);
  gateway.log.info(
    {
      surface: surface.name,
      subject: principal.subject,
      method: message.method,
      target: verdict.target,
      code: verdict.code,
      decision: verdict.decision?.id,
      rules: verdict.decision?.ruleIds,
      reason: verdict.decision?.reason,
      revision: caller.catalog.revision,
    },
    verdict.decision?.allowed === false ? 'a policy denied a call' : 'a message was refused',
  );
  // JSON-RPC 2.0 §4.1: a notification is never answered, not even with an error.
  if (message.kind === 'notification') return ACCEPTED;
  const { code, detail, data, missingScopes, result } = verdict;
  // "Input validation errors" are told to the model, which may mend its call (MCP 2025-11-25, server/tools, "Error Handling").
  if (result !== undefined)
    return immediate(200, toolErrorText(message.idText, caller.situation.era, result), `chancery_${code}`);
  const headers =
    missingScopes === undefined
      ? {}
      : { headers: [['www-authenticate', scopeChallenge(surface, principal.scopes, missingScopes)] as const] };
  return refuse({ code, detail, ...(data !== undefined && { data }), ...headers }, message.idText);
}
