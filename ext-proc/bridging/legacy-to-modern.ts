// Decides how a legacy client's call runs at a modern server: without a session there, and with questions as requests on the client's stream.
import { randomUUID } from 'node:crypto';
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { forwardedBody } from '../../core/catalog/exposure-arguments.ts';
import type { Verdict } from '../../core/catalog/govern.ts';
import type { Json } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallHead, EgressCall } from '../../core/mcp/egress-call.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { passedCapabilities, withoutTasks } from '../backend/capabilities.ts';
import type { SessionCall, SessionMessage } from '../call.ts';
import { withRecord } from '../call-record.ts';
import { carriedHeaders } from '../compose/carried-headers.ts';
import { questionOf } from '../instances/question.ts';
import { isTransparent } from '../lane.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';
import { type AskedEffect, type AskedEvent, type AskedState, newAskedCall, stepAsked } from './asked-call.ts';
import type { AskedCall } from './asking.ts';
import { answering, type ClientEnd, type Feed } from './client-end.ts';
import { memberString, membersOf, withMember } from './json-text.ts';
import { failureText, type InputRequest } from './legacy-answer.ts';
import { modernRequest, type Retry, type Said } from './modern-request.ts';
import { serverMessages } from './server-message.ts';

type Allowed = Extract<Verdict, { kind: 'call' }>;

/** First of the payload of a request's handle; what other backends ask begins otherwise. */
const BRIDGED = 'bridged';

export function bridgeToModern(call: SessionCall, verdict: Allowed): Outcome {
  const { method } = call.message;
  if (method === 'resources/subscribe' || method === 'resources/unsubscribe') return subscribe(call, verdict);
  return answering(verdict, call.message.idText, (client) => run(call, verdict, client));
}

/** There is no such method in the modern era: what is subscribed to is asked for with the session's listen stream. */
function subscribe(call: SessionCall, verdict: Allowed): Outcome {
  const { gateway, message } = call;
  const { exposed, decision } = verdict;
  if (!subscribeHere(call, verdict))
    return refuse({ code: 'invalid_params', detail: 'too many subscriptions' }, message.idText);
  // The session's stream may be open in another.
  gateway.instances.tell(questionOf('notice', call, message));
  const outcome = immediate(200, resultText(message.idText, '{}'), 'chancery_bridged');
  return withRecord(outcome, { lane: 'bridged', exposed, decision }, null);
}

function run(call: SessionCall, { exposed, target }: Allowed, client: ClientEnd): Feed {
  const { gateway, message, session } = call;
  const { version } = exposed;
  const { asking, instance } = gateway.bridges;
  const id = String(gateway.bridges.nextId());
  const body = Buffer.concat(forwardedBody(message, target.param, exposed)).toString();
  const declared = withoutTasks(passedCapabilities(session, isTransparent(call.exposure)));
  const said: Said = {
    clientCapabilities: declared,
    clientInfo: session.clientInfo,
    logLevel: gateway.bridges.levels.get(session.tokenId),
  };
  const inputSchema = message.method === 'tools/call' ? schemaOf(version, exposed.name) : undefined;
  let state: AskedState = newAskedCall({ method: message.method, idText: message.idText, declared });
  let upstream: EgressCall | null = null;
  let head: CallHead | null = null;
  let pause: NodeJS.Timeout | null = null;
  let abandoned: NodeJS.Timeout | null = null;

  const dispatch = (event: AskedEvent): void => {
    const step = stepAsked(state, event);
    state = step.state;
    for (const effect of step.effects) perform(effect);
    if (!state.over) return;
    asking.remove(id);
    upstream?.close();
    for (const timer of [pause, abandoned]) if (timer !== null) clearTimeout(timer);
  };
  const asked: AskedCall = {
    tokenId: session.tokenId,
    idText: message.idText,
    answered: (key, text) => dispatch({ kind: 'answered', key, text }),
    expire: () => dispatch({ kind: 'expired' }),
    cancel: () => dispatch({ kind: 'cancelled' }),
  };
  const ask = ({ key, method, params }: InputRequest): void => {
    // Nobody is there to be asked.
    if (abandoned !== null) return dispatch({ kind: 'cancelled' });
    const payload = [BRIDGED, session.tokenId, instance, id, key];
    const handle = gateway.handles().seal('request', session, payload, gateway.now() + LIMITS.askedCallMs);
    const shown =
      params === null ? '' : `,"params":${method === 'elicitation/create' ? legacyElicitation(params) : params}`;
    client.tell(`{"jsonrpc":"2.0","id":${JSON.stringify(handle)},"method":${JSON.stringify(method)}${shown}}`);
  };
  const perform = (effect: AskedEffect): void => {
    switch (effect.kind) {
      case 'tell_client':
        return client.tell(effect.text);
      case 'answer_client':
        return client.answer(effect.text);
      case 'end_client':
        return client.end();
      case 'ask_client':
        asking.renew(id);
        return ask(effect.request);
      case 'call_server':
        if (effect.pauseMs === 0) return open(effect);
        pause = setTimeout(() => open(effect), effect.pauseMs);
    }
  };
  const open = (retry: Retry | null): void => {
    const request = modernRequest(body, said, inputSchema, retry);
    upstream?.close();
    upstream = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      body: request.text,
      headers: {
        ...carriedHeaders(call.admitted.headers),
        ...request.headers,
        ...Object.fromEntries(gateway.identityTokens.headers(call, exposed)),
      },
      protocolVersion: MODERN_VERSION,
      deadlineMs: LIMITS.bridgedHeadDeadlineMs,
      onOpen: (opened) => {
        head = opened;
      },
      onEvent: ({ data }) => {
        for (const found of serverMessages(data)) dispatch({ kind: 'message', message: found });
      },
      onEnd: () => dispatch({ kind: 'server_ended' }),
    });
  };
  if (asking.add(id, asked)) open(null);
  else {
    state = { ...state, over: true };
    client.answer(failureText(message.method, message.idText, 'too many calls are under way'));
  }
  return {
    pause: () => upstream?.pause(),
    resume: () => upstream?.resume(),
    head: () => head,
    left(why) {
      if (why === 'cut') return dispatch({ kind: 'cancelled' });
      // "Disconnection SHOULD NOT be interpreted as the client cancelling its request" (MCP 2025-11-25, transports): the
      // server goes on, for a while; only what it asks nobody can answer.
      abandoned = setTimeout(() => dispatch({ kind: 'cancelled' }), LIMITS.abandonedCallMs).unref();
      if (state.openText === null) dispatch({ kind: 'cancelled' });
    },
  };
}

/** What it leaves in this process; false: there is no room. */
export function subscribeHere({ gateway, message, session }: SessionMessage, { exposed }: Allowed): boolean {
  const { subscriptions } = gateway.bridges;
  const { cluster } = exposed.version;
  if (message.method !== 'resources/unsubscribe') return subscriptions.add(session.tokenId, cluster, exposed.name);
  subscriptions.remove(session.tokenId, cluster, exposed.name);
  return true;
}

/** A client's response: whether it is to a question of a bridged call of its session. Whoever else's it is, is not told. */
export function answerBridged(given: SessionMessage): boolean {
  const { gateway, session, message } = given;
  const { idText } = message;
  if (!idText.startsWith('"chr') || idText.includes('\\')) return false;
  const opened = gateway.handles().open('request', session, idText.slice(1, -1));
  if (!opened.ok) return false;
  const [use, tokenId, instance = '', id = '', key = ''] = opened.payload.map(String);
  if (use !== BRIDGED) return false;
  if (tokenId === session.tokenId && instance !== gateway.bridges.instance) {
    gateway.instances.say(instance, questionOf('answer', given, message));
    return true;
  }
  const call = tokenId === session.tokenId ? gateway.bridges.asking.find(id, session.tokenId) : null;
  if (call === null) gateway.log.info({ session: session.tokenId }, 'an answer came for a call that does not wait');
  else call.answered(key, message.bytes.toString());
  return true;
}

/** `notifications/cancelled` of a legacy client: its call at a modern server ends with its stream. False: it is not one. */
export function cancelBridged({ gateway, session, message }: SessionMessage): boolean {
  const span = message.method === 'notifications/cancelled' ? message.params?.get('requestId') : undefined;
  if (span === undefined) return false;
  const idText = message.bytes.toString('utf8', span.start, span.end);
  const call = gateway.bridges.asking.called(session.tokenId, idText);
  call?.cancel();
  return call !== null;
}

/** "elicitationId: a unique identifier for the elicitation" (MCP 2025-11-25); the modern era has none. */
function legacyElicitation(params: string): string {
  if (memberString(params, 'mode') !== 'url' || membersOf(params).has('elicitationId')) return params;
  return withMember(params, 'elicitationId', JSON.stringify(randomUUID()));
}

/** As the server listed the tool. */
function schemaOf({ discovered }: ServerVersion, tool: string): Json | undefined {
  const found = discovered?.tools.full.find(({ name }) => name === tool);
  return (found ?? discovered?.tools.bare.find(({ name }) => name === tool))?.inputSchema;
}
