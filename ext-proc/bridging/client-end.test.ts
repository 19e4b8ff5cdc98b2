import { expect, test } from 'vitest';
import { ERRORS } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { ALLOWED, exposedOf } from '../../test/support/ext-proc-world.ts';
import { boundedSink } from '../bounded-sink.ts';
import type { Leave, Outcome } from '../outcome.ts';
import { answering, type ClientEnd } from './client-end.ts';

const own = {
  exposed: exposedOf('memory', 'a'),
  decision: ALLOWED,
};

/** A call whose client has the sink that an exchange gives it. */
function called() {
  const written: string[] = [];
  const left: (string | undefined)[] = [];
  const state = { ended: 0, immediate: '', leave: (() => {}) as Leave };
  let client: ClientEnd | null = null;
  const outcome = answering(own, '7', (given) => {
    client = given;
    return { pause() {}, resume() {}, head: () => null, left: (why) => void left.push(why) };
  });
  const settle = (settled: Outcome): void => {
    if (settled.kind === 'immediate') state.immediate = settled.answer.body.toString();
    if (settled.kind !== 'stream') return;
    const inner = {
      write: (text: string) => void written.push(text),
      end: () => void state.ended++,
      pendingBytes: () => 0,
    };
    state.leave = settled.open(boundedSink(inner, settled.bound, () => state.leave('cut')));
  };
  if (outcome.kind !== 'pending') throw new Error(outcome.kind);
  state.leave = outcome.start(settle);
  return { written, left, state, client: client! as ClientEnd };
}

test('an answer alone is JSON', () => {
  const { client, state, left } = called();
  client.answer('{"a":1}');
  state.leave();
  expect([state.immediate, left]).toEqual(['{"a":1}', []]);
});

test('one that leaves is told of once', () => {
  const { client, state, left } = called();
  client.tell('{}');
  state.leave();
  state.leave();
  expect(left).toEqual([undefined]);
});

test('what is too long ends with an error, and what feeds it is told why', () => {
  const { client, written, left, state } = called();
  const long = 'x'.repeat(LIMITS.composedAnswerBytesMax / 4);
  for (let index = 0; index < 6; index++) client.tell(long);
  client.answer('{}');
  const { rpc: code, message } = ERRORS.answer_too_large;
  expect(written).toHaveLength(4);
  expect(written[3]).toBe(`data: {"jsonrpc":"2.0","id":7,"error":${JSON.stringify({ code, message })}}\n\n`);
  expect([left, state.ended]).toEqual([['cut'], 1]);
});
