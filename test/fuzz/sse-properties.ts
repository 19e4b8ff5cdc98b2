// Decides what must hold of the parser of server-sent events, for every text in every cut.
import fc, { type Arbitrary } from 'fast-check';
import { type SseEvent, SseParser } from '../../core/mcp/sse.ts';
import { SSE_TEXTS } from './corpus.ts';
import { holds, type Property, property, same } from './property.ts';

const CHARS_MAX = 1_000_000;
const SMALL_CHARS_MAX = 64;

interface Stream {
  readonly text: string;
  /** Lengths of the pieces, used in turn. */
  readonly cuts: readonly number[];
}

const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    'data',
    'data:',
    'data: x',
    'data:{"a":1}',
    'id: 7',
    'id',
    'id: \u0000',
    'event: ping',
    ': c',
    'retry: 5',
    ' data: x',
  ),
  fc
    .tuple(
      fc.constantFrom('data:', 'data: ', 'id: ', 'event: ', ':', ''),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
    )
    .map((parts) => parts.join('')),
  fc.string({
    unit: fc.constantFrom('d', 'data', ':', ' ', '\r', '\n', '\ufeff', '\u0000', '\ud83d', '\u2028'),
    maxLength: 8,
  }),
);
const text = fc
  .tuple(
    fc.constantFrom('', '', '\ufeff'),
    fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '')), { maxLength: 12 }),
  )
  .map(([mark, lines]) => mark + lines.map((parts) => parts.join('')).join(''));
const cuts = fc.array(fc.constantFrom(0, 1, 1, 2, 3, 5, 17, 1_000), { minLength: 1, maxLength: 8 });
const streams: Arbitrary<Stream> = fc.record({ text, cuts });
const corpus: readonly Stream[] = SSE_TEXTS.flatMap((each) =>
  [[1], [2], [1_000], [1_000_000]].map((sizes) => ({ text: each, cuts: sizes })),
);

function* pieces({ text, cuts }: Stream): Generator<string> {
  let at = 0;
  for (let turn = 0; at < text.length; turn++) {
    // Only cuts of nothing would never end.
    const size = cuts[turn % cuts.length]! + (turn > 0 && turn % cuts.length === 0 ? 1 : 0);
    yield text.slice(at, at + size);
    at += size;
  }
}

/** WHATWG HTML 9.2.6 by the letter, over the whole text. */
function reference(text: string): SseEvent[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  // "Once the end of the file is reached, any pending data must be discarded."
  lines.pop();
  const events: SseEvent[] = [];
  let [data, event]: [string, string] = ['', ''];
  let id: string | null = null;
  let retry: number | null = null;
  for (const each of lines) {
    if (each === '') {
      if (data !== '') {
        const wait = retry === null ? {} : { retry };
        events.push({ id, event: event === '' ? 'message' : event, data: data.slice(0, -1), ...wait });
        retry = null;
      }
      [data, event] = ['', ''];
      continue;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(each) ?? [];
    if (field === 'data') data += `${value}\n`;
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\u0000')) id = value;
    // "If the field value consists of only ASCII digits"; ours is told with the event that follows, and bounded.
    else if (field === 'retry' && /^[0-9]{1,9}$/.test(value)) retry = Number(value);
  }
  return events;
}

function parses(stream: Stream): void {
  const wanted = reference(stream.text);
  same(new SseParser(CHARS_MAX).push(stream.text), wanted, 'in one piece');
  const parser = new SseParser(CHARS_MAX);
  same(
    [...pieces(stream)].flatMap((piece) => parser.push(piece)),
    wanted,
    'in pieces',
  );
}

interface Refused {
  readonly events: readonly SseEvent[];
  readonly tooLarge: boolean;
}

/** Reads to the end, also past a refusal: nothing may come after it. */
function read(pieces: Iterable<string>): Refused {
  const parser = new SseParser(SMALL_CHARS_MAX);
  const events: SseEvent[] = [];
  for (const piece of pieces) {
    const before = parser.tooLarge;
    const more = parser.push(piece);
    holds(!before || more.length === 0, 'something is given after a refusal');
    events.push(...more);
  }
  return { events, tooLarge: parser.tooLarge };
}

/** A line counts from its first character; data that was read counts with it, each with what joins it to the next. */
function breaksBound(text: string): boolean {
  let held = 0;
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  return lines.some((each) => {
    if (held + each.length > SMALL_CHARS_MAX) return true;
    const [, value = ''] = /^data(?:: ?(.*))?$/s.exec(each) ?? [];
    if (each === '') held = 0;
    else if (/^data(:|$)/.test(each)) held += value.length + 1;
    return false;
  });
}

function staysBounded(stream: Stream): void {
  const whole = read([stream.text]);
  same(read(pieces(stream)), whole, 'in pieces');
  same(read(stream.text.split('')), whole, 'character by character');
  same(whole.tooLarge, breaksBound(stream.text), 'refused');
  for (const { data } of whole.events) holds(data.length <= SMALL_CHARS_MAX, 'an event is larger than allowed');
  const wanted = reference(stream.text);
  same(whole.events, whole.tooLarge ? wanted.slice(0, whole.events.length) : wanted, 'the events before a refusal');
}

export const SSE_PROPERTIES: readonly Property[] = [
  property('a stream gives the events of WHATWG HTML, in any cut', 3, { inputs: streams, corpus }, parses),
  property(
    'any cut of a stream gives the same events and the same refusal',
    2,
    { inputs: streams, corpus },
    staysBounded,
  ),
];
