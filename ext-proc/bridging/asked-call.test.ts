import { expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type AskedEffect, type AskedEvent, type AskedState, newAskedCall, stepAsked } from './asked-call.ts';
import { serverMessage } from './server-message.ts';

const FACTS = { method: 'tools/call', idText: '1', declared: { elicitation: {}, sampling: {} } };
const message = (value: object): AskedEvent => ({
  kind: 'message',
  message: serverMessage(JSON.stringify({ jsonrpc: '2.0', ...value }))!,
});
const FORM = { method: 'elicitation/create', params: { message: 'm' } };
const needs = (id: number | string, inputRequests?: object, requestState?: string): AskedEvent =>
  message({ id, result: { resultType: 'input_required', inputRequests, requestState } });
const answered = (key: string, outcome: object): AskedEvent => ({
  kind: 'answered',
  key,
  text: JSON.stringify({ jsonrpc: '2.0', id: 'x', ...outcome }),
});
function led(...events: readonly AskedEvent[]): {
  readonly state: AskedState;
  readonly effects: readonly AskedEffect[];
} {
  let state = newAskedCall(FACTS);
  const effects: AskedEffect[] = [];
  for (const event of events) {
    const step = stepAsked(state, event);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}
const failed = (sentence: string) => [{ kind: 'answer_client', text: expect.stringContaining(sentence) }];

test('the client is asked, and the server again with the answers and its state', () => {
  const { effects } = led(
    needs(1, { b: FORM, a: { method: 'sampling/createMessage', params: {} } }, 's"'),
    answered('a', { result: { x: 1 } }),
    answered('b', { result: { y: 2 } }),
  );
  expect(effects).toEqual([
    { kind: 'ask_client', request: { key: 'b', method: 'elicitation/create', params: '{"message":"m"}' } },
    { kind: 'ask_client', request: { key: 'a', method: 'sampling/createMessage', params: '{}' } },
    {
      kind: 'call_server',
      idText: '"chancery-1"',
      inputResponses: '{"b":{"y":2},"a":{"x":1}}',
      requestState: '"s\\""',
      pauseMs: 0,
    },
  ]);
});
test('the answer of the retry is the answer of the call, under the client’s id', () => {
  const { state, effects } = led(
    needs(1, { a: FORM }),
    answered('a', { result: {} }),
    message({ id: 1, result: {} }),
    message({ id: 'chancery-1', result: { resultType: 'complete', ok: 1 } }),
  );
  expect(state.over).toBe(true);
  expect(effects.at(-1)).toEqual({ kind: 'answer_client', text: '{"jsonrpc":"2.0","id":1,"result":{"ok":1}}' });
});
test('a state alone is brought back after a pause', () => {
  expect(led(needs(1, undefined, 's')).effects).toMatchObject([
    { kind: 'call_server', inputResponses: null, pauseMs: LIMITS.askedPauseMs },
  ]);
});
test('an elicitation that the client cannot answer is one that was cancelled', () => {
  expect(led(needs(1, { a: FORM }), answered('a', { error: { code: -1, message: 'x' } })).effects.at(-1)).toMatchObject(
    {
      inputResponses: '{"a":{"action":"cancel"}}',
    },
  );
});
test('any other question that it does not answer ends the call', () => {
  const { effects } = led(
    needs(1, { a: { method: 'sampling/createMessage', params: {} } }),
    answered('a', { error: {} }),
  );
  expect(effects.slice(1)).toEqual(failed('did not answer sampling'));
});
test.each<[string, AskedEvent, string]>([
  ['what the client did not declare', needs(1, { a: { method: 'roots/list' } }), 'roots/list'],
  ['what no client answers', needs(1, { a: { method: 'tools/call' } }), 'tools/call'],
  ['nothing', needs(1), 'broke the protocol'],
  [
    'too much',
    needs(
      1,
      Object.fromEntries(Array.from({ length: LIMITS.parkedRequestsMax + 1 }, (_, index) => [`k${index}`, FORM])),
    ),
    'too much',
  ],
])('a server that asks %s ends the call', (_, event, sentence) => {
  expect(led(event).effects).toEqual(failed(sentence));
});
test('a server that asks for ever is not asked for ever', () => {
  const rounds = Array.from({ length: LIMITS.askedRoundsMax }, (_, index) =>
    needs(index === 0 ? 1 : `chancery-${index}`, undefined, 's'),
  );
  const { state } = led(...rounds);
  expect(state.over).toBe(false);
  expect(stepAsked(state, needs(`chancery-${LIMITS.askedRoundsMax}`, undefined, 's')).effects).toEqual(
    failed('more than'),
  );
});
test('an answer twice, or to what was not asked, is none', () => {
  const { effects } = led(
    needs(1, { a: FORM, b: FORM }),
    answered('a', { result: {} }),
    answered('a', { result: {} }),
    answered('c', { result: {} }),
  );
  expect(effects).toHaveLength(2);
});
test('a server’s own requests are not heard, what it tells of the call is', () => {
  const { effects } = led(
    message({ id: 9, method: 'sampling/createMessage', params: {} }),
    message({ method: 'notifications/tools/list_changed' }),
    message({ method: 'notifications/progress', params: {} }),
  );
  expect(effects.map(({ kind }) => kind)).toEqual(['tell_client']);
});
test('a server that ends is lost, but not while the client is asked', () => {
  expect(led({ kind: 'server_ended' }).effects).toEqual(failed('ended'));
  expect(led(needs(1, { a: FORM }), { kind: 'server_ended' }).state.over).toBe(false);
});
test('a client that does not answer in time is told so; one that cancels, nothing', () => {
  expect(led(needs(1, { a: FORM }), { kind: 'expired' }).effects.slice(1)).toEqual(failed('in time'));
  expect(led({ kind: 'cancelled' }, message({ id: 1, result: {} })).effects).toEqual([{ kind: 'end_client' }]);
});
