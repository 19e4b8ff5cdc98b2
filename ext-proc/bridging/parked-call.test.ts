import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type CallEffect, type CallEvent, type CallState, heldChars, newCall, stepCall } from './parked-call.ts';
import { serverMessage } from './server-message.ts';

const FACTS = {
  callText: '7',
  method: 'tools/call',
  uri: null,
  serverInfo: '{"name":"s"}',
  declared: { elicitation: {}, sampling: {} },
  logs: false,
};
const CLIENT = { idText: '"a"', progressText: '"p"' };
const message = (value: object): CallEvent => ({
  kind: 'message',
  message: serverMessage(JSON.stringify({ jsonrpc: '2.0', ...value }))!,
});
const asks = (id: number | string, method = 'elicitation/create', params: object = { message: 'm' }): CallEvent =>
  message({ id, method, params });
const ANSWER = message({ id: 7, result: { content: [] } });
const retry = (responses: Readonly<Record<string, string>>, idText = '"b"'): CallEvent => ({
  kind: 'retry',
  attached: { idText, progressText: null },
  responses: new Map(Object.entries(responses)),
});
/** Where the events lead, and what they do in order. */
function led(...events: readonly CallEvent[]): {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
} {
  let state = newCall(FACTS, CLIENT);
  const effects: CallEffect[] = [];
  for (const event of events) {
    const step = stepCall(state, event);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}
const PARKED = [asks(0), { kind: 'settled' }] as const;
const kinds = (effects: readonly CallEffect[]): readonly string[] => effects.map(({ kind }) => kind);

describe('while the client listens', () => {
  test('the answer ends it, under the client’s id', () => {
    const { state, effects } = led(ANSWER, ANSWER);
    expect(state.over).toBe(true);
    expect(effects).toHaveLength(1);
    expect(effects[0]).toMatchObject({ kind: 'answer_client' });
    expect(JSON.parse((effects[0] as { text: string }).text)).toMatchObject({
      id: 'a',
      result: { resultType: 'complete' },
    });
  });
  test('another request’s answer does not', () => {
    expect(led(message({ id: '7', result: {} }), message({ id: 8, result: {} })).effects).toEqual([]);
  });
  test('its own progress passes under its own token', () => {
    const progress = (progressToken: unknown): CallEvent =>
      message({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    const { effects } = led(progress(7), progress(8), progress('7'));
    expect(effects).toHaveLength(1);
    expect((effects[0] as { text: string }).text).toContain('"progressToken":"p"');
  });
  test('log and changes pass to nobody who did not ask', () => {
    const log = message({ method: 'notifications/message', params: { level: 'info', data: 'x' } });
    expect(led(log, message({ method: 'notifications/tools/list_changed' })).effects).toEqual([]);
    const state = newCall({ ...FACTS, logs: true }, CLIENT);
    expect(kinds(stepCall(state, log).effects)).toEqual(['tell_client']);
  });
  test('a ping is answered', () => {
    expect(led(message({ id: 'x', method: 'ping' })).effects).toEqual([
      { kind: 'tell_server', text: '{"jsonrpc":"2.0","id":"x","result":{}}' },
    ]);
  });
  test('what the client did not declare is refused to the server, and the call goes on', () => {
    const { state, effects } = led(asks(3, 'roots/list', {}));
    expect(state.over).toBe(false);
    expect(JSON.parse((effects[0] as { text: string }).text)).toMatchObject({
      id: 3,
      error: { code: -32021, data: { requiredCapabilities: { roots: {} } } },
    });
  });
  test('what no client answers is unknown to it', () => {
    expect(JSON.parse((led(asks(3, 'tools/call')).effects[0] as { text: string }).text)).toMatchObject({
      error: { code: -32601 },
    });
  });
  test('one that leaves cancels', () => {
    const { state, effects } = led({ kind: 'client_left' });
    expect([state.over, kinds(effects)]).toEqual([true, ['cancel']]);
  });
  test('a server that ends is lost', () => {
    expect(kinds(led({ kind: 'server_ended' }).effects)).toEqual(['lost_client']);
  });
});

describe('when the server asks', () => {
  test('questions that came together are asked together, and keep their bytes', () => {
    const { state, effects } = led(asks(0), asks('0', 'sampling/createMessage', { n: 1 }), { kind: 'settled' });
    expect(kinds(effects)).toEqual(['settle', 'ask_client']);
    expect((effects[1] as { requests: ReadonlyMap<string, string> }).requests).toEqual(
      new Map([
        ['r1', '{"method":"elicitation/create","params":{"message":"m"}}'],
        ['r2', '{"method":"sampling/createMessage","params":{"n":1}}'],
      ]),
    );
    expect(state.attached).toBe(null);
  });
  test('an answer goes to the server under its own id, and its answer to the retry', () => {
    const { state, effects } = led(...PARKED, retry({ r1: '{"action":"accept"}' }), ANSWER);
    expect(effects[2]).toEqual({ kind: 'tell_server', text: '{"jsonrpc":"2.0","id":0,"result":{"action":"accept"}}' });
    expect(JSON.parse((effects[3] as { text: string }).text).id).toBe('b');
    expect(state.over).toBe(true);
  });
  test('a question without an answer is asked again, one that was never asked is not answered', () => {
    const { effects } = led(...PARKED, retry({ r9: '{}' }), { kind: 'settled' });
    expect(kinds(effects)).toEqual(['settle', 'ask_client', 'settle', 'ask_client']);
  });
  test('an answer is taken once', () => {
    const { effects } = led(...PARKED, retry({ r1: '{}' }), asks(0), { kind: 'settled' }, retry({ r1: '{}' }));
    expect(effects.filter(({ kind }) => kind === 'tell_server')).toHaveLength(1);
  });
  test('a retry that comes while another is answered does nothing', () => {
    expect(led(...PARKED, retry({}), retry({ r1: '{}' })).effects.map(({ kind }) => kind)).not.toContain('tell_server');
  });
  test('a question that the server takes back is not asked', () => {
    const cancelled = message({ method: 'notifications/cancelled', params: { requestId: 0 } });
    expect(kinds(led(asks(0), cancelled, { kind: 'settled' }).effects)).toEqual(['settle']);
  });
  test('an answer that comes while nobody listens waits for the retry', () => {
    const { state, effects } = led(...PARKED, ANSWER, { kind: 'server_ended' }, retry({ r1: '{}' }));
    expect(state.over).toBe(true);
    expect(effects.at(-1)?.kind).toBe('answer_client');
  });
  test('a client that left before is none: nothing is cancelled', () => {
    expect(led(...PARKED, { kind: 'client_left' }).state.over).toBe(false);
  });
  test('a server that ends meanwhile leaves nothing', () => {
    const { state, effects } = led(...PARKED, { kind: 'server_ended' });
    expect([state.over, effects.length]).toEqual([true, 2]);
  });
  test('one that waited too long is cancelled', () => {
    expect(kinds(led(...PARKED, { kind: 'expired' }).effects).at(-1)).toBe('cancel');
  });
});

describe('what is held is bounded', () => {
  test('questions in number', () => {
    const many = Array.from({ length: LIMITS.parkedRequestsMax + 1 }, (_, id) => asks(id));
    const { state, effects } = led(...many);
    expect(state.pending.size).toBe(LIMITS.parkedRequestsMax);
    expect(kinds(effects)).toEqual(['settle', 'tell_server']);
  });
  test('questions in size', () => {
    const { state } = led(asks(0, 'elicitation/create', { message: 'x'.repeat(LIMITS.parkedCallCharsMax) }));
    expect(state.pending.size).toBe(0);
  });
  test('what is told to nobody, in number', () => {
    const note = message({ method: 'notifications/progress', params: { progressToken: 7, progress: 1 } });
    const { state } = led(...PARKED, ...Array.from({ length: LIMITS.parkedMessagesMax + 9 }, () => note));
    expect(state.held).toHaveLength(LIMITS.parkedMessagesMax);
    expect(heldChars(state)).toBeLessThan(LIMITS.parkedCallCharsMax);
  });
  test('an answer that is too large ends the call', () => {
    const large = message({ id: 7, result: { text: 'x'.repeat(LIMITS.parkedCallCharsMax) } });
    expect(led(...PARKED, large).state.over).toBe(true);
  });
});

describe('-32042', () => {
  const error = {
    code: -32042,
    message: 'm',
    data: { elicitations: [{ mode: 'url', url: 'http://x', message: 'm', elicitationId: 'e' }] },
  };
  test('is asked before the call is made, where the client shows pages', () => {
    const state = newCall({ ...FACTS, declared: { elicitation: { url: {} } } }, CLIENT);
    expect(stepCall(state, message({ id: 7, error }))).toMatchObject({
      state: { over: true },
      effects: [{ kind: 'ask_before', requests: new Map([['u1', expect.stringContaining('http://x')]]) }],
    });
  });
  test('is a capability that it lacks, where not', () => {
    expect(led(message({ id: 7, error })).effects).toEqual([
      { kind: 'lack_client', capability: { elicitation: { url: {} } } },
    ]);
  });
});
