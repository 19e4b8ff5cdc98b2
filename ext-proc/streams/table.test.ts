import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { createStreamTable, type StreamTable } from './table.ts';

const NOW_MS = 1_000_000;
let nowMs: number;
let table: StreamTable;
beforeEach(() => {
  vi.useFakeTimers();
  nowMs = NOW_MS;
  table = createStreamTable({ now: () => nowMs });
});
afterEach(() => {
  table.close();
  vi.useRealTimers();
});

/** A sink that throws when something is written after its end. */
function sinkOf() {
  const written: string[] = [];
  const sink = {
    written,
    ended: false,
    pending: 0,
    write(text: string) {
      if (sink.ended) throw new Error('written after the end');
      written.push(text);
    },
    end() {
      if (sink.ended) throw new Error('ended twice');
      sink.ended = true;
    },
    pendingBytes: () => sink.pending,
  };
  return sink;
}
const opened = (tokenId: string, over: { expiresAtMs?: number; digest?: () => Record<string, string> | null } = {}) => {
  const sink = sinkOf();
  const forget = table.open({ tokenId, expiresAtMs: NOW_MS + 3_600_000, digest: () => ({}), ...over, sink });
  return { sink, forget };
};

describe('a session has one stream', () => {
  test('a second takes the place of the first, which is ended', () => {
    const first = opened('a');
    const second = opened('a');
    expect(first.sink.ended).toBe(true);
    expect(second.sink.ended).toBe(false);
    expect(table.size).toBe(1);
    // The caller of the first one leaves later than the second came.
    first.forget();
    expect(table.size).toBe(1);
    second.forget();
    expect(table.size).toBe(0);
  });

  test('that ends with the session, and with no other', () => {
    const [a, b] = [opened('a'), opened('b')];
    table.end('a');
    table.end('a');
    table.end('unknown');
    expect([a.sink.ended, b.sink.ended]).toEqual([true, false]);
  });

  test('that is forgotten when its caller leaves, without a word to it', () => {
    const { sink, forget } = opened('a');
    forget();
    forget();
    change();
    vi.advanceTimersByTime(LIMITS.streamKeepAliveMs);
    expect(sink).toMatchObject({ written: [], ended: false });
  });
});

/** And what it does a moment later. */
function change(): void {
  table.changed();
  vi.advanceTimersByTime(1);
}

test('a change is told to those whose lists changed, once, and by name', () => {
  let seen: Record<string, string> = {
    'notifications/tools/list_changed': '1',
    'notifications/prompts/list_changed': '1',
  };
  const a = opened('a', { digest: () => seen });
  const b = opened('b', { digest: () => ({ 'notifications/tools/list_changed': 'same' }) });
  change();
  expect(a.sink.written).toEqual([]);
  seen = { ...seen, 'notifications/tools/list_changed': '2' };
  change();
  change();
  expect(a.sink.written).toEqual(['data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n']);
  expect(b.sink.written).toEqual([]);
});

test('a change after which a caller may not listen any more ends the stream, without a word to it', () => {
  let may = true;
  const a = opened('a', { digest: () => (may ? { 'notifications/tools/list_changed': '1' } : null) });
  const b = opened('b');
  may = false;
  change();
  expect(a.sink).toMatchObject({ written: [], ended: true });
  expect(b.sink.ended).toBe(false);
  expect(table.size).toBe(1);
  change();
});

test('a quiet stream is kept alive', () => {
  const { sink } = opened('a');
  vi.advanceTimersByTime(2 * LIMITS.streamKeepAliveMs);
  expect(sink.written).toEqual([': keep-alive\n\n', ': keep-alive\n\n']);
});

test('a stream ends when its session, or its caller’s token, does', () => {
  const { sink } = opened('a', { expiresAtMs: NOW_MS + 10 });
  nowMs += 10;
  vi.advanceTimersByTime(LIMITS.streamKeepAliveMs);
  expect(sink).toMatchObject({ written: [], ended: true });
  expect(table.size).toBe(0);
});

test('a reader that does not read is cut off', () => {
  const { sink } = opened('a');
  sink.pending = 256 * 1024 + 1;
  vi.advanceTimersByTime(LIMITS.streamKeepAliveMs);
  expect(sink.ended).toBe(true);
});

test('the end of the process ends all, and nothing is said afterwards', () => {
  const streams = ['a', 'b', 'c'].map((tokenId) => opened(tokenId));
  table.close();
  expect(streams.every(({ sink }) => sink.ended)).toBe(true);
  vi.advanceTimersByTime(2 * LIMITS.streamKeepAliveMs);
  expect(table.size).toBe(0);
});

test('there is a most of them', () => {
  for (let i = 0; i < LIMITS.streamsMax - 1; i++) opened(`s${i}`);
  expect(table.full).toBe(false);
  opened('last');
  expect(table.full).toBe(true);
  table.end('last');
  expect(table.full).toBe(false);
});
