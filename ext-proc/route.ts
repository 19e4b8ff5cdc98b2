// Decides which handler answers a request whose caller and body are known.

import { govern, type Verdict } from '../core/catalog/govern.ts';
import { AUTHZ_METADATA_NAMESPACE } from '../core/contract.ts';
import type { Metadata } from '../core/grpc/ext-proc.ts';
import { resultText } from '../core/mcp/json-rpc.ts';
import { type Message, parseMessage } from '../core/mcp/message.ts';
import { type Act, methodRow } from '../core/mcp/methods.ts';
import { agree } from './agree.ts';
import type { Caller, SessionCall } from './call.ts';
import { noticeFor } from './federation/deprecated.ts';
import { cancel, endSession } from './federation/ending.ts';
import { initialize } from './federation/initialize.ts';
import { answerList, answerToolsView } from './federation/lists.ts';
import { relay } from './federation/relay.ts';
import { ACCEPTED, immediate, type Outcome, refuse } from './outcome.ts';
import { openSession } from './session.ts';
import { openStream } from './streams/listen.ts';
import { viewOf } from './view.ts';

type Governed = Extract<Verdict, { kind: 'lifecycle' | 'call' }>;

/** One function for each act of the method table. */
const ACTS: Readonly<
  Record<Exclude<Act, 'initialize'>, (call: SessionCall, verdict: Governed) => Outcome | Promise<Outcome>>
> = {
  ping: answerPing,
  list: (call, { row }) => answerList(call, row.list ?? 'tools'),
  relay: (call, verdict) =>
    verdict.kind === 'call' ? relay(call, verdict) : refuse({ code: 'internal' }, call.message.idText),
  accept: () => ACCEPTED,
  fanout: (call) => cancel(call),
};

/** A POST. Total but for broken invariants, which the exchange refuses. */
export function answerPost(caller: Caller, body: Buffer, metadata: Metadata | null): Outcome | Promise<Outcome> {
  const disagreement = agree(caller, body, metadata?.get(AUTHZ_METADATA_NAMESPACE));
  if (disagreement !== null) return refuse(disagreement);
  const parsed = parseMessage(body);
  if (!parsed.ok)
    return refuse(
      parsed.detail === undefined ? { code: parsed.code } : { code: parsed.code, detail: parsed.detail },
      parsed.idText,
    );
  const { message } = parsed;
  if (message.kind === 'request' && methodRow(message.method, message.kind)?.act === 'initialize') {
    // "initialize" opens a session; one that is open cannot be opened again.
    if (caller.admitted.sessionToken !== '')
      return refuse({ code: 'invalid_request', detail: 'initialize takes no Mcp-Session-Id' }, message.idText);
    return initialize(caller, message);
  }
  const opened = openSession(caller);
  if (!opened.ok) return refuse(opened, message.idText);
  const { session } = opened;
  const exposure = viewOf(caller.catalog, caller.surface, session);
  const call: SessionCall = { ...caller, message, session, exposure, token: caller.admitted.sessionToken };
  const verdict = govern(message, call);
  if (verdict.kind === 'response') return ACCEPTED;
  if (verdict.kind === 'refused') return refused(caller, message, verdict);
  const { act } = verdict.row;
  return act === 'initialize' ? refuse({ code: 'internal' }, message.idText) : ACTS[act](call, verdict);
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

function answerPing(call: SessionCall): Outcome {
  const { members, headers } = noticeFor(call);
  return immediate(200, resultText(call.message.idText, JSON.stringify(members)), 'chancery_ping', headers);
}

function refused(caller: Caller, message: Message, verdict: Extract<Verdict, { kind: 'refused' }>): Outcome {
  const { gateway, surface, principal } = caller;
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
  const { code, detail, data } = verdict;
  return refuse({ code, detail, ...(data !== undefined && { data }) }, message.idText);
}
