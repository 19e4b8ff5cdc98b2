// Decides how an allowed call of the modern era goes on to a server of the same era: natively, with name and headers rewritten together.

import { isServed } from '../../core/catalog/choose.ts';
import type { Exposed } from '../../core/catalog/exposure.ts';
import { forwardedBody } from '../../core/catalog/exposure-arguments.ts';
import { shownTo } from '../../core/catalog/tool-candidates.ts';
import { HEADERS } from '../../core/contract.ts';
import { speaks } from '../../core/mcp/era.ts';
import { encodeHeaderValue } from '../../core/mcp/header-value.ts';
import { type Edit, parseMessage, stringParam, withEdits } from '../../core/mcp/message.ts';
import { NAMED_BY } from '../../core/mcp/methods.ts';
import { NO_SESSION } from '../backend/repair-context.ts';
import { bridgeModern } from '../bridging/bridge.ts';
import { relayedMetadata } from '../call-record.ts';
import { isTransparent } from '../lane.ts';
import { looksAtAnswer } from '../obligations/fulfil.ts';
import { type Outcome, refuse } from '../outcome.ts';
import type { Allowed, ModernCall } from './call.ts';
import { composeModern } from './compose.ts';
import { checkedParamHeaders } from './param-headers.ts';
import { openState } from './state.ts';

/** Headers and body as the server gets them. */
export interface Forwarded {
  readonly exposed: Exposed;
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  readonly removeHeaders: readonly string[];
  readonly body: readonly Buffer[];
}

/** Capabilities with which a server may answer that it needs something, or that it will answer later. */
const ANSWERING = ['elicitation', 'sampling', 'roots', 'extensions', 'tasks'];

export function relayModern(call: ModernCall, verdict: Allowed): Outcome | Promise<Outcome> {
  const { message, envelope, surface } = call;
  const { discovered } = verdict.exposed.version;
  const params = checkedParamHeaders(message, verdict.exposed, call.admitted.paramHeaders);
  if (typeof params === 'string') return refuse({ code: 'header_mismatch', detail: params }, message.idText);
  if (!speaks(discovered, 'modern')) return bridgeModern(call, verdict);
  const back = returned(call, verdict.exposed);
  if (back === null) return refuse({ code: 'invalid_state' }, message.idText);
  const forwarded = forwardedTo(call, verdict, back, params.changed);
  const asks = ANSWERING.some((name) => envelope.capabilities.has(name));
  // What a server calls public, it shows everybody; here a policy decides who reads it.
  const isRead = message.method === 'resources/read' && surface.auth !== 'none';
  if (asks || isRead || back.text !== null || looksAtAnswer(verdict)) return composeModern(call, verdict, forwarded);
  return native(call, verdict, forwarded);
}

interface Returned {
  readonly exposed: Exposed;
  /** Raw JSON of the state that the client brings back; null: none. */
  readonly text: string | null;
}

/** Null: the state is none of ours, or of another server. */
function returned(call: ModernCall, exposed: Exposed): Returned | null {
  const { message, gateway, surface, principal } = call;
  if (message.params?.has('requestState') !== true) return { exposed, text: null };
  const opened = openState(gateway, call, stringParam(message, 'requestState') ?? '');
  const reason = opened.ok ? (opened.state.server === exposed.server.name ? null : 'wrong_server') : opened.reason;
  const found = opened.ok ? exposed.server.versions.find((each) => each.version === opened.state.version) : undefined;
  const version = found && shownTo(found, principal);
  if (opened.ok && reason === null && version !== undefined && isServed(version)) {
    const { server, name, publicName, fixing, facts, inputSchema } = exposed;
    const same = { server, version, name, publicName, fixing, facts, inputSchema };
    return { exposed: same, text: opened.state.text };
  }
  gateway.log.info(
    { surface: surface.name, subject: principal.subject, reason: reason ?? 'version_gone' },
    'a request state was refused',
  );
  return null;
}

function forwardedTo(
  call: ModernCall,
  { target }: Allowed,
  { exposed, text }: Returned,
  params: ReadonlyMap<string, string | null>,
): Forwarded {
  const { message } = call;
  const { version } = exposed;
  const named = NAMED_BY.get(message.method);
  const setHeaders: (readonly [string, string])[] = [
    [HEADERS.cluster, version.cluster],
    [':path', version.path],
    [HEADERS.protocolVersion, call.envelope.protocolVersion],
    [HEADERS.method, message.method],
    ['content-type', 'application/json'],
    ...call.gateway.identityTokens.headers(call, exposed),
  ];
  // There are no sessions and no events to go on from: a server must not be told of any.
  const removeHeaders: string[] = [HEADERS.session, 'last-event-id'];
  if (named === undefined) removeHeaders.push(HEADERS.name);
  else setHeaders.push([HEADERS.name, encodeHeaderValue(exposed.name)]);
  for (const [name, value] of params) {
    if (value === null) removeHeaders.push(name);
    else setHeaders.push([name, value]);
  }
  return {
    exposed,
    setHeaders,
    removeHeaders,
    body: withState(call, forwardedBody(message, target.param, exposed), text),
  };
}

/** The server's own state in the place of the sealed one. */
function withState({ message }: ModernCall, body: readonly Buffer[], text: string | null): readonly Buffer[] {
  if (text === null) return body;
  // Written anew by the edits before: where the member lies now, the scanner says.
  const rewritten = parseMessage(body.length === 1 ? body[0]! : Buffer.concat(body));
  if (!rewritten.ok) throw new Error(`the body of ${message.method} was written wrongly`);
  const edit: Edit = { span: rewritten.message.params!.get('requestState')!, text };
  return withEdits(rewritten.message, [edit]);
}

function native(
  call: ModernCall,
  { decision }: Allowed,
  { exposed, setHeaders, removeHeaders, body }: Forwarded,
): Outcome {
  const { gateway, message } = call;
  const { version } = exposed;
  gateway.log.debug(
    { server: version.name, version: version.version, target: exposed.name, decision: decision.id },
    'a call of the modern era goes on',
  );
  return {
    kind: 'relay',
    relay: {
      setHeaders,
      removeHeaders,
      body,
      metadata: relayedMetadata(exposed, decision, message.idText, NO_SESSION, isTransparent(call.exposure)),
    },
  };
}
