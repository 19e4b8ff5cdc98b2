import { expect, test } from 'vitest';
import { eventText } from '../compose/event-text.ts';
import { immediate, type Outcome } from '../outcome.ts';
import type { StreamSink } from '../streams/table.ts';
import { redacted } from './redacted.ts';

const EVENTS = [['content-type', 'text/event-stream']] as const;
const JSON_TYPE = [['content-type', 'application/json']] as const;

interface Heard {
  readonly texts: string[];
  readonly unreadable: () => number;
  readonly bytes: () => number;
}

/** What its caller gets of an outcome. */
function hear(outcome: Outcome, paths: readonly string[] = ['card']): Heard & { readonly outcome: Outcome } {
  let unreadable = 0;
  let bytes = 0;
  const texts: string[] = [];
  const found = redacted(outcome, {
    paths,
    onBytes: (count) => {
      bytes += count;
    },
    onUnreadable: () => {
      unreadable++;
    },
    idText: '7',
  });
  const sink: StreamSink = { write: (text) => void texts.push(text), end: () => {}, pendingBytes: () => 0 };
  if (found.kind === 'stream') found.open(sink);
  if (found.kind === 'immediate') texts.push(found.answer.body.toString());
  return { texts, unreadable: () => unreadable, bytes: () => bytes, outcome: found };
}

const streamOf = (headers: typeof EVENTS | typeof JSON_TYPE, ...texts: string[]): Outcome => ({
  kind: 'stream',
  headers,
  open: (sink) => {
    for (const text of texts) sink.write(text);
    sink.end();
    return () => {};
  },
});

test('a JSON answer', () => {
  const heard = hear(immediate(200, '{"id":7,"result":{"card":"4111"}}', 'x'));
  expect(heard.texts).toEqual(['{"id":7,"result":{"card":"[redacted]"}}']);
  expect(heard.bytes()).toBe(33);
});

test('events, also cut anywhere', () => {
  const whole = `${eventText('{"card":1}', 'e1', 5)}: keep\n\n${eventText('{\n"card":2\n}', null, undefined)}${eventText('', 'e0', undefined)}`;
  const wanted =
    'id: e1\nretry: 5\ndata: {"card":"[redacted]"}\n\n: keep\n\ndata: {\ndata: "card":"[redacted]"\ndata: }\n\nid: e0\ndata: \n\n';
  expect(hear(streamOf(EVENTS, whole)).texts.join('')).toBe(wanted);
  for (let cut = 1; cut < whole.length; cut++) {
    expect(hear(streamOf(EVENTS, whole.slice(0, cut), whole.slice(cut))).texts.join(''), `cut at ${cut}`).toBe(wanted);
  }
});

test('one JSON text in several pieces', () => {
  expect(hear(streamOf(JSON_TYPE, '{"card"', ':"4111"}')).texts).toEqual(['{"card":"[redacted]"}']);
});

test('what is settled later', () => {
  let settled: Outcome | undefined;
  const { outcome } = hear({
    kind: 'pending',
    start: (settle) => {
      settle(immediate(200, '{"card":1}', 'x'));
      return () => {};
    },
  });
  if (outcome.kind === 'pending')
    outcome.start((found) => {
      settled = found;
    });
  expect(settled).toMatchObject({ kind: 'immediate', answer: { body: '{"card":"[redacted]"}' } });
});

test('what Envoy would carry past us is refused', () => {
  const relay = { setHeaders: [], removeHeaders: [], body: [], metadata: null } as never;
  expect(hear({ kind: 'relay', relay }).outcome).toMatchObject({ kind: 'immediate', answer: { status: 500 } });
});

test('what cannot be told is withheld whole', () => {
  const deep = `{"a":${'['.repeat(200)}${']'.repeat(200)},"card":"4111"}`;
  const heard = hear(immediate(200, deep, 'x'));
  expect(heard.unreadable()).toBe(1);
  expect(heard.texts.join('')).not.toContain('4111');
  expect(heard.texts.join('')).toContain('"id":7');
});

test('without paths only the bytes are counted', () => {
  const heard = hear(streamOf(EVENTS, eventText('{"card":1}', null, undefined)), []);
  expect(heard.texts.join('')).toBe('data: {"card":1}\n\n');
  expect(heard.bytes()).toBe(18);
});
