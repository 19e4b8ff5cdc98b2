// Decides how a modern client's call goes on at a legacy server: what of the server's stream the client is told, when it is asked, and what the server is told.

import { ERRORS } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { errorText, resultText } from '../../core/mcp/json-rpc.ts';
import { memberText, withMember } from './json-text.ts';
import { missingCapability } from './legacy-answer.ts';
import { modernAnswer, modernElicitation, urlElicitations } from './modern-answer.ts';
import type { ServerMessage } from './server-message.ts';

/** What does not change while the call lives. */
export interface CallFacts {
  /** JSON text of the id that the server knows it by, and of its progress token. */
  readonly callText: string;
  readonly method: string;
  readonly uri: string | null;
  readonly serverInfo: string;
  /** What the client declared when it made the call. */
  readonly declared: JsonObject;
  /** The client wants to hear what the server logs. */
  readonly logs: boolean;
}

/** The client's request that is open: the first one, or a retry. JSON texts. */
export interface Attached {
  readonly idText: string;
  readonly progressText: string | null;
}

/** What the server waits for. */
interface Pending {
  readonly idText: string;
  readonly method: string;
  readonly params: string | null;
}

export interface CallState {
  readonly facts: CallFacts;
  /** Null: the call is parked. */
  readonly attached: Attached | null;
  readonly pending: ReadonlyMap<string, Pending>;
  /** Keys that were given; none is given twice, so that an answer never fits another question. */
  readonly keys: number;
  /** What the server said since the call was parked. */
  readonly held: readonly ServerMessage[];
  readonly over: boolean;
}

export type CallEvent =
  | { readonly kind: 'message'; readonly message: ServerMessage }
  /** Everything that arrived with a question was looked at: now the client is asked. */
  | { readonly kind: 'settled' }
  /** `responses`: JSON texts by key. */
  | { readonly kind: 'retry'; readonly attached: Attached; readonly responses: ReadonlyMap<string, string> }
  | { readonly kind: 'client_left' }
  | { readonly kind: 'server_ended' }
  | { readonly kind: 'expired' };

export type CallEffect =
  | { readonly kind: 'tell_client'; readonly text: string }
  /** The response; the client's request is over. */
  | { readonly kind: 'answer_client'; readonly text: string }
  /** The call is parked: the client's request ends with these input requests, JSON texts by key. */
  | { readonly kind: 'ask_client'; readonly requests: ReadonlyMap<string, string> }
  /** The same, but nothing is left at the server: the call is made anew by the retry. */
  | { readonly kind: 'ask_before'; readonly requests: ReadonlyMap<string, string> }
  | { readonly kind: 'lack_client'; readonly capability: JsonObject }
  | { readonly kind: 'lost_client' }
  | { readonly kind: 'tell_server'; readonly text: string }
  | { readonly kind: 'settle' }
  /** The server is told that nobody waits any more. */
  | { readonly kind: 'cancel' };

export interface CallStep {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

export function newCall(facts: CallFacts, attached: Attached): CallState {
  return { facts, attached, pending: new Map(), keys: 0, held: [], over: false };
}

/** Total. */
export function stepCall(state: CallState, event: CallEvent): CallStep {
  if (state.over) return { state, effects: [] };
  switch (event.kind) {
    case 'message':
      return onMessage(state, event.message);
    case 'settled':
      return ask(state);
    case 'retry':
      return onRetry(state, event.attached, event.responses);
    case 'client_left':
      // "Closing the response stream is the cancellation" (MCP 2026-07-28, patterns/cancellation).
      return state.attached === null ? { state, effects: [] } : end(state, { kind: 'cancel' });
    case 'server_ended':
      // One that is parked with its answer waits for its client as before.
      if (state.attached === null && state.held.some((message) => isAnswer(state, message)))
        return { state, effects: [] };
      return state.attached === null ? end(state) : end(state, { kind: 'lost_client' });
    case 'expired':
      return end(state, { kind: 'cancel' });
  }
}

/** Characters that a parked call holds. */
export function heldChars({ pending, held }: CallState): number {
  let chars = 0;
  for (const { params } of pending.values()) chars += params?.length ?? 0;
  for (const { text } of held) chars += text.length;
  return chars;
}

function end(state: CallState, ...effects: readonly CallEffect[]): CallStep {
  return { state: { ...state, over: true, pending: new Map(), held: [] }, effects };
}

function isAnswer({ facts }: CallState, message: ServerMessage): boolean {
  return message.kind === 'response' && message.idText === facts.callText;
}

function onMessage(state: CallState, message: ServerMessage): CallStep {
  if (message.kind === 'request') return onRequest(state, message);
  if (message.method === 'notifications/cancelled') return { state: withdrawn(state, message), effects: [] };
  if (state.attached === null) return held(state, message);
  const { facts, attached } = state;
  if (isAnswer(state, message)) return onAnswer(state, message.text, attached);
  const text = message.kind === 'notification' ? told(facts, attached, message) : null;
  return { state, effects: text === null ? [] : [{ kind: 'tell_client', text }] };
}

function onAnswer(state: CallState, text: string, attached: Attached): CallStep {
  const { facts } = state;
  const urls = urlElicitations(text);
  if (urls === null || urls.length === 0)
    return end(state, {
      kind: 'answer_client',
      text: modernAnswer(text, { ...facts, idText: attached.idText }),
    });
  const capability = missingCapability('elicitation/create', '{"mode":"url"}', facts.declared);
  if (capability !== null) return end(state, { kind: 'lack_client', capability });
  return end(state, { kind: 'ask_before', requests: new Map(urls.map((url, index) => [`u${index + 1}`, url])) });
}

/** A message on the way to the client; null: it is not for it. */
function told(facts: CallFacts, attached: Attached, { method, params, text }: ServerMessage): string | null {
  if (method === 'notifications/progress') {
    if (attached.progressText === null || params === null) return null;
    if (memberText(params, 'progressToken') !== facts.callText) return null;
    return withMember(text, 'params', withMember(params, 'progressToken', attached.progressText));
  }
  // "Servers MUST NOT send notifications/message for a request without logLevel"; changes are for listeners (2026-07-28).
  return method === 'notifications/message' && facts.logs ? text : null;
}

/** While nobody listens, of what is only told the newest is let go first; an answer is kept. */
function held(state: CallState, message: ServerMessage): CallStep {
  const isKept = isAnswer(state, message);
  if (!isKept && message.kind === 'response') return { state, effects: [] };
  const fits =
    heldChars(state) + message.text.length <= LIMITS.parkedCallCharsMax &&
    (isKept || state.held.length < LIMITS.parkedMessagesMax);
  if (fits) return { state: { ...state, held: [...state.held, message] }, effects: [] };
  return isKept ? end(state) : { state, effects: [] };
}

function onRequest(state: CallState, { idText, method, params }: ServerMessage): CallStep {
  const say = (text: string): CallStep => ({ state, effects: [{ kind: 'tell_server', text }] });
  if (method === 'ping') return say(resultText(idText, '{}'));
  const lacking = missingCapability(method, params, state.facts.declared);
  if (lacking !== null) {
    if (Object.keys(lacking).length === 0) return say(errorText(idText, -32601, 'Method not found'));
    // The server goes on without it, or gives up: the client hears which. The call is not taken from it half done.
    const { rpc, message } = ERRORS.missing_capability;
    return say(errorText(idText, rpc, message, { requiredCapabilities: lacking }));
  }
  const room =
    state.pending.size < LIMITS.parkedRequestsMax &&
    heldChars(state) + (params?.length ?? 0) <= LIMITS.parkedCallCharsMax;
  if (!room) return say(errorText(idText, -32603, 'too much is asked at once'));
  const keys = state.keys + 1;
  const pending = new Map([...state.pending, [`r${keys}`, { idText, method, params }]]);
  const isFirst = state.pending.size === 0 && state.attached !== null;
  return { state: { ...state, keys, pending }, effects: isFirst ? [{ kind: 'settle' }] : [] };
}

/** The server takes a question back. */
function withdrawn(state: CallState, { params }: ServerMessage): CallState {
  const idText = params === null ? null : memberText(params, 'requestId');
  const pending = new Map([...state.pending].filter(([, each]) => each.idText !== idText));
  return pending.size === state.pending.size ? state : { ...state, pending };
}

function ask(state: CallState): CallStep {
  if (state.attached === null || state.pending.size === 0) return { state, effects: [] };
  const requests = new Map([...state.pending].map(([key, pending]) => [key, inputRequest(pending)]));
  return { state: { ...state, attached: null }, effects: [{ kind: 'ask_client', requests }] };
}

function inputRequest({ method, params }: Pending): string {
  if (params === null) return `{"method":${JSON.stringify(method)}}`;
  const shown = method === 'elicitation/create' ? modernElicitation(params) : params;
  return `{"method":${JSON.stringify(method)},"params":${shown}}`;
}

function onRetry(state: CallState, attached: Attached, responses: ReadonlyMap<string, string>): CallStep {
  if (state.attached !== null) return { state, effects: [] };
  const effects: CallEffect[] = [];
  const pending = new Map(state.pending);
  for (const [key, response] of responses) {
    const asked = pending.get(key);
    if (asked === undefined) continue;
    pending.delete(key);
    effects.push({ kind: 'tell_server', text: resultText(asked.idText, response) });
  }
  let next: CallState = { ...state, attached, pending, held: [] };
  for (const message of state.held) {
    const step = stepCall(next, { kind: 'message', message });
    next = step.state;
    effects.push(...step.effects);
  }
  // "If the client did not provide all, the server SHOULD ask again" (2026-07-28, multi round-trip requests).
  if (!next.over && next.pending.size > 0) effects.push({ kind: 'settle' });
  return { state: next, effects };
}
