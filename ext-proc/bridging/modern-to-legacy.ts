// Decides how a modern client's call runs at a legacy server: the session, the stream, what is parked and found again.
import { forwardedBody } from '../../core/catalog/exposure-arguments.ts';
import type { Asker, Verdict } from '../../core/catalog/govern.ts';
import { ChanceryError, ERRORS, type ErrorCode } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallHead, EgressCall } from '../../core/mcp/egress-call.ts';
import { META } from '../../core/mcp/inbound.ts';
import { errorText, errorTextFor, resultText } from '../../core/mcp/json-rpc.ts';
import { type Message, stringParam } from '../../core/mcp/message.ts';
import { withoutTasks } from '../backend/capabilities.ts';
import { withRecord } from '../call-record.ts';
import { carriedHeaders } from '../compose/carried-headers.ts';
import type { Gateway } from '../gateway.ts';
import { questionOf } from '../instances/question.ts';
import type { ModernCall } from '../modern/call.ts';
import { type Outcome, refuse } from '../outcome.ts';
import { askedFor, openBridged, ownerText, sealBridged } from './bridged-state.ts';
import { answering, type ClientEnd, type Feed } from './client-end.ts';
import { membersOf, memberText } from './json-text.ts';
import { legacyRequest } from './legacy-request.ts';
import { type Declared, isLost, legacySession, legacyVersion, useSession } from './legacy-session.ts';
import {
  type Attached,
  type CallEffect,
  type CallEvent,
  type CallState,
  heldChars,
  newCall,
  stepCall,
} from './parked-call.ts';
import type { ParkedCall } from './parking.ts';
import { type ServerMessage, serverMessages } from './server-message.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

/** A call that is parked, and how its client comes back to it. */
interface Resumable extends ParkedCall {
  /** Of the call: what the access log shows of it. */
  readonly own: Pick<Allowed, 'exposed' | 'decision'>;
  resume(asker: Asker, client: ClientEnd, attached: Attached, responses: ReadonlyMap<string, string>): Feed;
}

export function bridgeToLegacy(call: ModernCall, verdict: Allowed): Outcome | Promise<Outcome> {
  const { gateway, message } = call;
  const asked = askedFor(message.method, verdict.exposed.publicName);
  if (message.params?.has('requestState') !== true) return begin(call, verdict, asked);
  const opened = openBridged(gateway, call, asked, stringParam(message, 'requestState') ?? '');
  if (!opened.ok) return refusedState(call, opened.code, opened.reason);
  const { state } = opened;
  if (state.kind === 'before') return begin(call, verdict, asked);
  if (state.instance === gateway.bridges.instance) return resume(gateway, call, state.id, message);
  const question = { ...questionOf('retry', call, message), asked };
  const outcome = gateway.instances.relay(state.instance, question, message.idText);
  if (outcome.kind !== 'pending') return outcome;
  const start: typeof outcome.start = (settle) =>
    outcome.start((settled) => settle(withRecord(settled, { ...verdict, lane: 'bridged' }, null)));
  return { kind: 'pending', start };
}

/** The same of a retry that reached another ext-proc: only of a call that waits here. */
export function resumeRelayed(gateway: Gateway, asker: Asker, asked: string, message: Message): Outcome {
  const opened = openBridged(gateway, asker, asked, stringParam(message, 'requestState') ?? '');
  if (!opened.ok) return refusedState({ ...asker, gateway, message }, opened.code, opened.reason);
  const { state } = opened;
  if (state.kind === 'before' || state.instance !== gateway.bridges.instance)
    return refusedState({ ...asker, gateway, message }, 'state_gone', 'another_instance');
  return resume(gateway, asker, state.id, message);
}

function resume(gateway: Gateway, asker: Asker, id: string, message: Message): Outcome {
  const parked = gateway.bridges.parking.take(id, ownerText(asker)) as Resumable | null;
  if (parked === null) return refusedState({ ...asker, gateway, message }, 'state_gone', 'not_parked');
  const text = message.bytes.toString();
  const given = memberText(memberText(text, 'params') ?? '{}', 'inputResponses') ?? '{}';
  const responses = new Map([...membersOf(given)].map(([key, { start, end }]) => [key, given.slice(start, end)]));
  const attached = { idText: message.idText, progressText: progressOf(text) };
  return answering(parked.own, message.idText, (client) => parked.resume(asker, client, attached, responses));
}

function refusedState(
  { gateway, surface, principal, message }: Pick<ModernCall, 'gateway' | 'surface' | 'principal' | 'message'>,
  code: ErrorCode,
  reason: string,
): Outcome {
  gateway.log.info({ surface: surface.name, subject: principal.subject, reason }, 'a request state was refused');
  return refuse({ code, reason }, message.idText);
}

async function begin(call: ModernCall, verdict: Allowed, asked: string): Promise<Outcome> {
  const declared = declaredBy(call);
  try {
    const sessionId = await legacySession(call.gateway, verdict.exposed.version, declared);
    return answering(verdict, call.message.idText, (client) =>
      run(call, verdict, { asked, declared, sessionId }, client),
    );
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error;
    return refuse(
      error.detail === undefined ? { code: error.code } : { code: error.code, detail: error.detail },
      call.message.idText,
    );
  }
}

interface Started {
  readonly asked: string;
  readonly declared: Declared;
  readonly sessionId: string;
}

function run(call: ModernCall, own: Allowed, started: Started, first: ClientEnd): Feed {
  const { exposed, target } = own;
  const { gateway, message } = call;
  const { version } = exposed;
  const { parking, instance } = gateway.bridges;
  const id = gateway.bridges.nextId();
  const callText = String(id);
  const body = Buffer.concat(forwardedBody(message, target.param, exposed)).toString();
  const { text, progressText } = legacyRequest(body, callText);
  const owner = started.declared.owner;
  let sessionId = started.sessionId;
  let release = useSession(gateway, version, started.declared, sessionId);
  let caller: Asker = call;
  let client: ClientEnd | null = first;
  let upstream: EgressCall | null = null;
  let head: CallHead | null = null;
  let idText = message.idText;
  let state: CallState = newCall(
    {
      callText,
      method: message.method,
      uri: message.method === 'resources/read' ? exposed.publicName : null,
      serverInfo: JSON.stringify(version.discovered?.serverInfo ?? { name: version.name, version: version.version }),
      declared: started.declared.capabilities,
      logs: started.declared.logLevel !== null,
    },
    { idText, progressText },
  );

  const dispatch = (event: CallEvent): void => {
    const step = stepCall(state, event);
    state = step.state;
    for (const effect of step.effects) perform(effect);
    if (state.over) {
      parking.take(callText, owner);
      upstream?.close();
      release();
    } else if (state.attached === null && !parking.grow(callText, heldChars(state))) dispatch({ kind: 'expired' });
  };
  const answer = (answered: string, status?: number): void => {
    const end = client;
    client = null;
    end?.answer(answered, status);
  };
  const send = (body: string): void => {
    const at = { cluster: version.cluster, path: version.path, method: 'POST', sessionId } as const;
    const rest = { protocolVersion: legacyVersion(version), idempotent: false, deadlineMs: LIMITS.fanoutDeadlineMs };
    void gateway.egress.send({ ...at, ...rest, body }).then((sent) => {
      if (sent.ok) return;
      gateway.log.warn({ server: version.name, why: sent.why }, 'a server of a bridged call could not be told');
      // It would wait for what it never hears.
      dispatch({ kind: 'server_ended' });
    });
  };
  const parked: Resumable = {
    owner,
    own,
    expire: () => dispatch({ kind: 'expired' }),
    resume(next, end, attached, responses) {
      caller = next;
      client = end;
      idText = attached.idText;
      dispatch({ kind: 'retry', attached, responses });
      return feed;
    },
  };
  const ask = (requests: ReadonlyMap<string, string>, isParked: boolean): void => {
    if (isParked && !parking.park(callText, parked, heldChars(state))) {
      answer(errorTextFor('too_many_parked', idText), ERRORS.too_many_parked.http);
      return dispatch({ kind: 'expired' });
    }
    const sealed = sealBridged(
      gateway,
      caller,
      started.asked,
      isParked ? { kind: 'parked', instance, id: callText } : { kind: 'before' },
    );
    answer(resultText(idText, inputRequired(requests, sealed)));
  };
  const perform = (effect: CallEffect): void => {
    switch (effect.kind) {
      case 'tell_client':
        return client?.tell(effect.text);
      case 'answer_client':
        return answer(effect.text);
      case 'ask_client':
        return ask(effect.requests, true);
      case 'ask_before':
        return ask(effect.requests, false);
      case 'lack_client':
        return answer(lacking(idText, effect.capability), ERRORS.missing_capability.http);
      case 'lost_client':
        return answer(errorTextFor('backend_lost', idText), ERRORS.backend_lost.http);
      case 'tell_server':
        return send(effect.text);
      case 'settle':
        setImmediate(() => dispatch({ kind: 'settled' }));
        return;
      case 'cancel':
        return send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${callText}}}`);
    }
  };
  const open = (isRepeated: boolean): void => {
    let answered = false;
    let refusal: ServerMessage | null = null;
    const used = sessionId;
    head = null;
    upstream = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      body: text,
      headers: {
        ...carriedHeaders(call.admitted.headers),
        ...Object.fromEntries(gateway.identityTokens.headers(call, exposed)),
      },
      sessionId: used,
      protocolVersion: legacyVersion(version),
      deadlineMs: LIMITS.bridgedHeadDeadlineMs,
      onOpen: (opened) => {
        head = opened;
      },
      onEvent: ({ data }) => {
        for (const found of serverMessages(data)) {
          if (head?.status !== 200) {
            refusal = found;
            continue;
          }
          answered ||= found.kind === 'response' && found.idText === callText;
          dispatch({ kind: 'message', message: found });
        }
      },
      onEnd: () => {
        if (answered || isRepeated || state.over) return ended(refusal);
        repair(used, head?.status ?? 0, refusal).catch((error: unknown) => {
          gateway.log.warn({ server: version.name, err: error }, 'a bridged call could not be repeated');
          dispatch({ kind: 'server_ended' });
        });
      },
    });
  };
  const ended = (refusal: ServerMessage | null): void => {
    if (refusal !== null) dispatch({ kind: 'message', message: refusal });
    dispatch({ kind: 'server_ended' });
  };
  /** Once, and only a call that its server surely did not execute. */
  const repair = async (used: string, status: number, refusal: ServerMessage | null): Promise<void> => {
    if (!(await isLost(gateway, version, used, status))) return ended(refusal);
    sessionId = await legacySession(gateway, version, started.declared, used);
    if (state.over) return;
    release();
    release = useSession(gateway, version, started.declared, sessionId);
    open(true);
  };
  const feed: Feed = {
    pause: () => upstream?.pause(),
    resume: () => upstream?.resume(),
    head: () => head,
    left() {
      client = null;
      dispatch({ kind: 'client_left' });
    },
  };
  open(false);
  return feed;
}

/** What the request says of its client, in `_meta`. */
export function declaredBy(call: ModernCall): Declared {
  const { message, envelope } = call;
  const text = (name: string): string | null => {
    const span = envelope.members.get(name);
    return span === undefined ? null : message.bytes.toString('utf8', span.start, span.end);
  };
  const clientInfo = objectOf(text(META.clientInfo));
  const logLevel = text(META.logLevel);
  return {
    owner: ownerText(call),
    capabilities: withoutTasks(objectOf(text(META.clientCapabilities))),
    // Legacy servers want a name and a version.
    clientInfo:
      typeof clientInfo.name === 'string' && typeof clientInfo.version === 'string'
        ? clientInfo
        : { name: 'unknown', version: '0', ...clientInfo },
    logLevel: logLevel?.startsWith('"') === true ? (JSON.parse(logLevel) as string) : null,
  };
}

function objectOf(text: string | null): JsonObject {
  return text?.trimStart().startsWith('{') === true ? (JSON.parse(text) as JsonObject) : {};
}

function progressOf(text: string): string | null {
  return memberText(memberText(memberText(text, 'params') ?? '{}', '_meta') ?? '{}', 'progressToken');
}

function inputRequired(requests: ReadonlyMap<string, string>, state: string): string {
  const asked = [...requests].map(([key, request]) => `${JSON.stringify(key)}:${request}`).join(',');
  return `{"resultType":"input_required","inputRequests":{${asked}},"requestState":${JSON.stringify(state)}}`;
}

function lacking(idText: string, capability: JsonObject): string {
  const { rpc, message } = ERRORS.missing_capability;
  return errorText(idText, rpc, message, { requiredCapabilities: capability });
}
