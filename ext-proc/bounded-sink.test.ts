import { describe, expect, test } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { type Bound, boundedSink } from './bounded-sink.ts';
import type { StreamSink } from './streams/table.ts';

const KIB = 'x'.repeat(1024);

function of(bound?: Bound) {
  const written: string[] = [];
  const state = { ended: 0, cut: 0 };
  const inner: StreamSink = {
    write: (text) => void written.push(text),
    end: () => void state.ended++,
    pendingBytes: () => 7,
    onDrain: (listener) => listener(),
  };
  return { written, state, sink: boundedSink(inner, bound, () => void state.cut++) };
}
const bound = (lastWords: string): Bound => ({ bytesMax: 2048, lastWords: () => lastWords });

describe('an answer', () => {
  test('that just fits is whole', () => {
    const { written, state, sink } = of(bound('no'));
    for (const text of [KIB, KIB]) sink.write(text);
    sink.end();
    expect([written, state]).toEqual([[KIB, KIB], { ended: 1, cut: 0 }]);
  });

  test('that does not ends with the last words in place of what is too much, once', () => {
    const { written, state, sink } = of(bound('no'));
    for (const text of [KIB, KIB, 'y', 'z']) sink.write(text);
    sink.end();
    expect([written, state]).toEqual([[KIB, KIB, 'no'], { ended: 1, cut: 1 }]);
  });

  test('whose client comes back ends without a word', () => {
    const { written, state, sink } = of(bound(''));
    for (const text of [KIB, KIB, 'y']) sink.write(text);
    expect([written, state]).toEqual([[KIB, KIB], { ended: 1, cut: 1 }]);
  });

  test('that is one message is as long as it is', () => {
    const { written, state, sink } = of(bound('no'));
    sink.write(KIB.repeat(3));
    sink.end();
    expect([written.length, state]).toEqual([1, { ended: 1, cut: 0 }]);
  });

  test('is counted in bytes, not in characters', () => {
    const { written, sink } = of(bound('no'));
    sink.write('é'.repeat(1024));
    sink.write('é');
    expect(written[1]).toBe('no');
  });

  test('after its end says nothing', () => {
    const { written, state, sink } = of(bound('no'));
    sink.end();
    sink.write(KIB);
    sink.end();
    expect([written, state]).toEqual([[], { ended: 1, cut: 0 }]);
  });

  test('says how far its reader is behind, and when it is not any more', () => {
    const { sink } = of(bound('no'));
    let drained = false;
    sink.onDrain?.(() => {
      drained = true;
    });
    expect([sink.pendingBytes(), drained]).toEqual([7, true]);
  });
});

test('a stream of notifications ends with the event that crosses the bound', () => {
  const { written, state, sink } = of();
  const mib = 'x'.repeat(1024 * 1024);
  const most = LIMITS.listenedBytesMax / mib.length;
  for (let index = 0; index < most; index++) sink.write(mib);
  expect(state).toEqual({ ended: 0, cut: 0 });
  sink.write('last');
  sink.write('nothing');
  expect([written.at(-1), written.length, state]).toEqual(['last', most + 1, { ended: 1, cut: 1 }]);
});
