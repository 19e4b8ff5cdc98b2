// Decides how a legacy client's call goes on at a modern server: when the client is asked, and when the server is asked anew.
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { memberText } from './json-text.ts';
import { failureText, type InputRequest, legacyOutcome, missingCapability } from './legacy-answer.ts';
import type { ServerMessage } from './server-message.ts';

export interface AskedFacts {
  readonly method: string;
  /** JSON text of the client's own id. */
  readonly idText: string;
  /** What the client declared at `initialize`. */
  readonly declared: JsonObject;
}

export interface AskedState {
  readonly facts: AskedFacts;
  /** JSON text of the id of the request that is open at the server; null: none is. */
  readonly openText: string | null;
  /** What the client was asked; null: not answered yet. JSON texts. */
  readonly answers: ReadonlyMap<string, { readonly method: string; readonly text: string | null }>;
  readonly requestState: string | null;
  readonly rounds: number;
  readonly over: boolean;
}

export type AskedEvent =
  | { readonly kind: 'message'; readonly message: ServerMessage }
  | { readonly kind: 'answered'; readonly key: string; readonly text: string }
  | { readonly kind: 'server_ended' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'expired' };

export type AskedEffect =
  | { readonly kind: 'tell_client'; readonly text: string }
  | { readonly kind: 'answer_client'; readonly text: string }
  /** "The receiver SHOULD NOT send a response for the cancelled request" (MCP 2025-11-25, cancellation). */
  | { readonly kind: 'end_client' }
  | { readonly kind: 'ask_client'; readonly request: InputRequest }
  | {
      readonly kind: 'call_server';
      readonly idText: string;
      readonly inputResponses: string | null;
      readonly requestState: string | null;
      readonly pauseMs: number;
    };

export interface AskedStep {
  readonly state: AskedState;
  readonly effects: readonly AskedEffect[];
}

export function newAskedCall(facts: AskedFacts): AskedState {
  return { facts, openText: facts.idText, answers: new Map(), requestState: null, rounds: 0, over: false };
}

/** Total. */
export function stepAsked(state: AskedState, event: AskedEvent): AskedStep {
  if (state.over) return { state, effects: [] };
  switch (event.kind) {
    case 'message':
      return onMessage(state, event.message);
    case 'answered':
      return onAnswered(state, event.key, event.text);
    case 'server_ended':
      // While the client is asked nothing is open at the server.
      return state.openText === null
        ? { state, effects: [] }
        : fail(state, 'the server behind this call ended before it answered');
    case 'cancelled':
      return { state: { ...state, over: true }, effects: [{ kind: 'end_client' }] };
    case 'expired':
      return fail(state, 'the client did not answer in time what the server asked');
  }
}

function fail(state: AskedState, sentence: string): AskedStep {
  const { method, idText } = state.facts;
  return {
    state: { ...state, over: true },
    effects: [{ kind: 'answer_client', text: failureText(method, idText, sentence) }],
  };
}

function onMessage(state: AskedState, message: ServerMessage): AskedStep {
  const none = { state, effects: [] };
  // "Servers MUST NOT send JSON-RPC requests" (MCP 2026-07-28): one that does is not heard.
  if (message.kind === 'request') return none;
  if (message.kind === 'notification') {
    // Changes are for listeners, cancellations for questions that this era has not.
    const isForClient = message.method === 'notifications/progress' || message.method === 'notifications/message';
    return isForClient ? { state, effects: [{ kind: 'tell_client', text: message.text }] } : none;
  }
  if (message.idText !== state.openText) return none;
  const { method, idText, declared } = state.facts;
  const outcome = legacyOutcome(message.text, method, idText);
  if (outcome.kind === 'answer')
    return { state: { ...state, over: true }, effects: [{ kind: 'answer_client', text: outcome.text }] };
  if (outcome.kind === 'broken') return fail(state, `the server behind this call broke the protocol: ${outcome.why}`);
  const rounds = state.rounds + 1;
  if (rounds > LIMITS.askedRoundsMax) return fail(state, `the server asked more than ${LIMITS.askedRoundsMax} times`);
  const { requests, requestState } = outcome.input;
  for (const request of requests) {
    if (missingCapability(request.method, request.params, declared) !== null)
      return fail(state, `the server asks for ${request.method}, which this client did not declare`);
  }
  if (requests.length > LIMITS.parkedRequestsMax) return fail(state, 'the server asked too much at once');
  const answers = new Map(requests.map(({ key, method: of }) => [key, { method: of, text: null }]));
  const next: AskedState = { ...state, openText: null, answers, requestState, rounds };
  if (requests.length === 0) return callAgain(next, LIMITS.askedPauseMs);
  return { state: next, effects: requests.map((request) => ({ kind: 'ask_client', request })) };
}

function onAnswered(state: AskedState, key: string, text: string): AskedStep {
  const asked = state.answers.get(key);
  if (asked === undefined || asked.text !== null || state.openText !== null) return { state, effects: [] };
  const response = memberText(text, 'result') ?? declined(asked.method);
  if (response === null) return fail(state, `the client did not answer ${asked.method}`);
  const answers = new Map([...state.answers, [key, { method: asked.method, text: response }]]);
  const next = { ...state, answers };
  return [...answers.values()].some((answer) => answer.text === null)
    ? { state: next, effects: [] }
    : callAgain(next, 0);
}

/** What an error of the client means as an answer; null: there is none that says it. */
function declined(method: string): string | null {
  return method === 'elicitation/create' ? '{"action":"cancel"}' : null;
}

function callAgain(state: AskedState, pauseMs: number): AskedStep {
  const given = [...state.answers].map(([key, { text }]) => `${JSON.stringify(key)}:${text}`);
  const idText = JSON.stringify(`chancery-${state.rounds}`);
  return {
    state: { ...state, openText: idText, answers: new Map() },
    effects: [
      {
        kind: 'call_server',
        idText,
        inputResponses: given.length === 0 ? null : `{${given.join(',')}}`,
        requestState: state.requestState,
        pauseMs,
      },
    ],
  };
}
